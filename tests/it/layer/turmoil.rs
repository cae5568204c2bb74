//! Everything at once: replies, holds, traps, clients that go away, on several threads; every request comes to an end.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use loom_layer::{FailurePolicy, LoomChain, LoomPlugin, RequestBody};
use tower::{Layer, ServiceExt, service_fn};

use super::support::{Guest, eventually, get, healed, logs, plugin, send};

/// Does what the request's headers say.
fn obedient() -> Guest {
    Guest::new()
        .item("(global $held (mut i32) (i32.const 0))")
        .on(
            "proxy_on_request_headers",
            r#"(if (call $has (i32.const 0) @"x-trap") (then unreachable))
               (if (call $has (i32.const 0) @"x-reply") (then (call $reply (i32.const 403))))
               (if (call $has (i32.const 0) @"x-resume")
                 (then
                   (drop (call $set_context (global.get $held)))
                   (drop (call $continue (i32.const 0)))))
               (if (call $has (i32.const 0) @"x-answer")
                 (then
                   (drop (call $set_context (global.get $held)))
                   (call $reply (i32.const 429))))
               (if (call $has (i32.const 0) @"x-hold")
                 (then (global.set $held (local.get $id)) (return (i32.const 1))))
               (i32.const 0)"#,
        )
        .on_response(r#"(if (call $has (i32.const 0) @"x-late-trap") (then unreachable))"#)
        .on("proxy_on_log", "")
        .on("proxy_on_done", "(i32.const 1)")
        .on("proxy_on_delete", "")
}

const ORDERS: [&str; 8] = [
    "x-nothing",
    "x-reply",
    "x-hold",
    "x-resume",
    "x-answer",
    "x-hold",
    "x-cancel",
    "x-nothing",
];

fn order(number: u64, traps: bool) -> &'static str {
    match number {
        _ if traps && number.is_multiple_of(97) => "x-trap",
        _ if traps && number.is_multiple_of(101) => "x-late-trap",
        _ => ORDERS[number as usize % ORDERS.len()],
    }
}

fn obeying(name: &str, instances: usize, policy: FailurePolicy) -> LoomPlugin {
    plugin(name, &obedient())
        .instances(instances)
        .failure_policy(policy)
        .pause_timeout(Duration::from_millis(50))
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_request_ends() {
    let plugins = [
        obeying("turmoil-one", 1, FailurePolicy::Closed),
        obeying("turmoil-two", 2, FailurePolicy::Open),
        obeying("turmoil-three", 4, FailurePolicy::Closed),
    ];
    let chain = LoomChain::new(plugins.clone());
    let alive = Arc::new(AtomicUsize::new(0));
    let inner = service_fn({
        let alive = Arc::clone(&alive);
        move |_: Request<RequestBody<Full<Bytes>>>| {
            let guard = Alive::new(&alive);
            async move {
                let _guard = guard;
                tokio::task::yield_now().await;
                let frames =
                    ["a", "b"].map(|part| Ok::<_, Infallible>(Frame::data(Bytes::from(part))));
                Ok::<_, Infallible>(Response::new(StreamBody::new(stream::iter(frames))))
            }
        }
    });
    let service = chain.layer(inner);
    for (traps, statuses) in [
        (false, [200, 403, 429, 504].as_slice()),
        (true, &[200, 403, 429, 503, 504]),
    ] {
        let clients: Vec<_> = (0..2000)
            .map(|number| {
                let order = order(number, traps);
                let call = service.clone().oneshot(get(&[(order, "1")]));
                let limit = match order {
                    "x-cancel" => Duration::from_micros(number),
                    _ => Duration::from_secs(25),
                };
                tokio::spawn(async move {
                    let Ok(response) = tokio::time::timeout(limit, call).await else {
                        assert_eq!(order, "x-cancel", "it hangs");
                        return;
                    };
                    let response = response.unwrap();
                    let status = response.status().as_u16();
                    assert!(statuses.contains(&status), "{status}");
                    let body = response.into_body();
                    if number % 5 != 0 {
                        body.collect().await.expect("a whole body");
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
    }
    eventually("all of the service's work is over", || {
        alive.load(Ordering::Relaxed) == 0
    })
    .await;
    for plugin in &plugins {
        healed(plugin).await;
    }
    let answer = send(chain, get(&[])).await;
    assert_eq!(answer.status, 200);
    assert!(
        logs::of("turmoil-one")
            .iter()
            .any(|line| line.target == "loom::vm"),
        "VMs failed meanwhile"
    );
}

struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
