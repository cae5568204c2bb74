//! A plugin that holds a stream, and what ends that.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use loom_layer::{BodyMode, FailurePolicy, LoomChain, RequestBody};
use tower::{Layer, ServiceExt, service_fn};

use super::support::{Answer, Guest, eventually, get, load, logs, plugin, send};

const HOLD: Duration = Duration::from_millis(100);

/// Holds a stream with `x-hold`; does as told to the last one that it held, when another stream has `x-other`.
fn holding(other: &str) -> Guest {
    Guest::new()
        .item("(global $held (mut i32) (i32.const 0))")
        .on(
            "proxy_on_request_headers",
            &format!(
                r#"(if (call $has (i32.const 0) @"x-hold")
                     (then
                       (global.set $held (local.get $id))
                       (call $say @"held")
                       (return (i32.const 1))))
                   (if (call $has (i32.const 0) @"x-keep") (then (global.set $held (local.get $id))))
                   (if (call $has (i32.const 0) @"x-other")
                     (then (call $say_num (call $set_context (global.get $held))) {other}))
                   (i32.const 0)"#
            ),
        )
}

async fn held(name: &str) {
    eventually("the stream is held", || {
        logs::said(name).iter().any(|line| line == "held")
    })
    .await;
}

/// Sends a request that is held, then another one, and gives back both answers.
async fn hold_and_send(name: &str, guest: &Guest, policy: FailurePolicy) -> (Answer, Answer) {
    let plugin = plugin(name, guest).failure_policy(policy).build().unwrap();
    let first = tokio::spawn(send(plugin.clone(), get(&[("x-hold", "1")])));
    held(name).await;
    let second = send(plugin, get(&[("x-other", "1")])).await;
    (first.await.unwrap(), second)
}

#[tokio::test]
async fn nothing_ends_it() {
    let request = Guest::new().on("proxy_on_request_headers", "(i32.const 1)");
    let response = Guest::new().on("proxy_on_response_headers", "(i32.const 1)");
    let odd = Guest::new().on("proxy_on_request_headers", "(i32.const 77)");
    for (name, guest, forwarded) in [
        ("pause-request", request, false),
        ("pause-response", response, true),
        ("pause-odd", odd, false),
    ] {
        let plugin = plugin(name, &guest).pause_timeout(HOLD).build().unwrap();
        let begun = Instant::now();
        let answer = send(plugin, get(&[])).await;
        assert!(begun.elapsed() >= HOLD, "{name}");
        assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT, "{name}");
        assert_eq!(answer.seen.is_some(), forwarded);
        assert_eq!(answer.body, "");
        let told = logs::of(name)
            .into_iter()
            .find(|line| line.target == "loom::stream");
        assert_eq!(
            told.expect("it is told who held it").level,
            tracing::Level::WARN
        );
    }
}

#[tokio::test]
async fn an_action_that_means_continue() {
    let guest = Guest::new().on("proxy_on_request_headers", "(i32.const 2)");
    assert_eq!(send(load("pause-two", &guest), get(&[])).await.status, 200);
}

#[tokio::test]
async fn resumed_in_the_same_callback() {
    for (callback, direction) in [
        ("proxy_on_request_headers", 0),
        ("proxy_on_response_headers", 1),
    ] {
        let guest = Guest::new().on(
            callback,
            &format!("(drop (call $continue (i32.const {direction}))) (i32.const 1)"),
        );
        let plugin = plugin("pause-same", &guest)
            .pause_timeout(HOLD)
            .build()
            .unwrap();
        assert_eq!(send(plugin, get(&[])).await.status, 200, "{callback}");
    }
}

#[tokio::test]
async fn resuming_what_is_not_held_ends_no_later_hold() {
    let early = Guest::new().on_request("(drop (call $continue (i32.const 0)))");
    let holds = Guest::new().on("proxy_on_request_headers", "(i32.const 1)");
    let chain = LoomChain::new([
        load("pause-early", &early),
        plugin("pause-later", &holds)
            .pause_timeout(HOLD)
            .build()
            .unwrap(),
    ]);
    assert_eq!(
        send(chain, get(&[])).await.status,
        StatusCode::GATEWAY_TIMEOUT
    );

    // Nor does the wrong direction.
    let wrong = Guest::new().on(
        "proxy_on_request_headers",
        "(drop (call $continue (i32.const 1))) (i32.const 1)",
    );
    let plugin = plugin("pause-wrong", &wrong)
        .pause_timeout(HOLD)
        .build()
        .unwrap();
    assert_eq!(
        send(plugin, get(&[])).await.status,
        StatusCode::GATEWAY_TIMEOUT
    );
}

#[tokio::test]
async fn resumed_and_edited_by_another_stream() {
    let guest = holding(
        r#"(call $set (i32.const 0) @"x-edited" @"by the other")
           (drop (call $continue (i32.const 0)))"#,
    );
    let (first, second) = hold_and_send("pause-resumed", &guest, FailurePolicy::Closed).await;
    assert_eq!(
        (first.status, first.seen("x-edited")),
        (StatusCode::OK, "by the other")
    );
    assert_eq!(
        (second.status, second.seen("x-edited")),
        (StatusCode::OK, "")
    );
}

#[tokio::test]
async fn answered_by_another_stream() {
    let guest = holding("(call $reply (i32.const 429))");
    let (first, second) = hold_and_send("pause-answered", &guest, FailurePolicy::Closed).await;
    assert_eq!(first.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(first.seen.is_none());
    assert_eq!(second.status, StatusCode::OK);
}

#[tokio::test]
async fn its_vm_fails_meanwhile() {
    let guest = holding("unreachable");
    let (first, second) = hold_and_send("pause-dies", &guest, FailurePolicy::Closed).await;
    assert_eq!(first.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(first.seen.is_none());
    assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE);
    let (first, second) = hold_and_send("pause-dies-open", &guest, FailurePolicy::Open).await;
    assert_eq!(
        (first.status, first.body.as_str()),
        (StatusCode::OK, "hello")
    );
    assert_eq!(second.status, StatusCode::OK);
}

#[tokio::test]
async fn a_stream_that_is_over_cannot_be_reached() {
    let guest = holding("(call $reply (i32.const 429))");
    let plugin = load("pause-over", &guest);
    assert_eq!(
        send(plugin.clone(), get(&[("x-keep", "1")])).await.status,
        200
    );
    assert_eq!(send(plugin, get(&[("x-other", "1")])).await.status, 429);
    assert_eq!(
        logs::said("pause-over")[0],
        "2",
        "BAD_ARGUMENT, and the own context stays"
    );
}

/// A reply from elsewhere while the inner service works: it is dropped, and the reply wins.
#[tokio::test]
async fn answered_while_the_service_works() {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let plugin = load("pause-inner", &holding("(call $reply (i32.const 429))"));
    let (reached, dropped) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let inner = service_fn({
        let (reached, dropped) = (Arc::clone(&reached), Arc::clone(&dropped));
        move |_: Request<RequestBody<Full<Bytes>>>| {
            let guard = Dropped(Arc::clone(&dropped));
            reached.store(true, Ordering::Relaxed);
            async move {
                let _guard = guard;
                pending::<Result<Response<Empty<Bytes>>, Infallible>>().await
            }
        }
    });
    let first = tokio::spawn(plugin.layer(inner).oneshot(get(&[("x-keep", "1")])));
    eventually("the service works", || reached.load(Ordering::Relaxed)).await;
    assert_eq!(send(plugin, get(&[("x-other", "1")])).await.status, 200);
    let response = first.await.unwrap().unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(
        dropped.load(Ordering::Relaxed),
        "nobody works on it any more"
    );
    assert!(
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .is_empty()
    );
}

/// Each hold has its own time: an earlier one that was ended in time does not count.
#[tokio::test]
async fn the_time_of_a_hold_begins_with_it() {
    let limit = Duration::from_millis(400);
    let guest = holding("(drop (call $continue (i32.const 0)))").item(
        r#"(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
             (call $say @"body")
             (i32.const 1))"#,
    );
    let name = "pause-anew";
    let plugin = plugin(name, &guest)
        .pause_timeout(limit)
        .request_body(BodyMode::BeforeInner)
        .build()
        .unwrap();
    let (mut sender, body) = http_body_util::channel::Channel::<Bytes>::new(1);
    let request = Request::post("/").header("x-hold", "1").body(body).unwrap();
    let service = plugin.layer(service_fn(
        |request: Request<RequestBody<http_body_util::channel::Channel<Bytes>>>| async move {
            let body = request.into_body().collect().await;
            Ok::<_, Infallible>(Response::new(Full::from(if body.is_ok() {
                "whole"
            } else {
                "cut"
            })))
        },
    ));
    let call = tokio::spawn(service.oneshot(request));
    held(name).await;
    send(plugin, get(&[("x-other", "1")])).await;
    // Longer than the hold of the headers could have lasted.
    tokio::time::sleep(limit + limit / 4).await;
    let begun = Instant::now();
    sender.send_data(Bytes::from("all")).await.unwrap();
    // While the client may send more, it is the client that is waited for.
    drop(sender);
    let response = tokio::time::timeout(20 * limit, call).await;
    let response = response.expect("it is not held for ever").unwrap().unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert!(begun.elapsed() >= limit, "{:?}", begun.elapsed());
}

/// A plugin's tick reaches for a stream while a callback of it, in another VM, runs for longer than anybody waits for it.
async fn asked_while_it_is_busy(name: &str, wish: &str) -> Answer {
    let asks = Guest::new()
        .import(
            "env",
            "proxy_set_tick_period_milliseconds",
            "(func $set_tick (param i32) (result i32))",
        )
        .item("(global $stream (mut i32) (i32.const 0))")
        .on(
            "proxy_on_request_headers",
            "(global.set $stream (local.get $id)) (drop (call $set_tick (i32.const 10))) (i32.const 0)",
        )
        .item(&format!(
            r#"(func (export "proxy_on_tick") (param $id i32)
                 (drop (call $set_tick (i32.const 0)))
                 (drop (call $set_context (global.get $stream)))
                 {wish}
                 (call $say @"asked"))"#
        ));
    let asks = load(name, &asks);
    // Until the tick was there, and some more: only then this callback returns.
    let works = Guest::new()
        .import(
            "env",
            "proxy_get_current_time_nanoseconds",
            "(func $time (param i32) (result i32))",
        )
        .on_request(
            "(drop (call $time (i32.const 32)))
             (loop $again
               (drop (call $time (i32.const 40)))
               (br_if $again (i64.lt_u (i64.sub (i64.load (i32.const 40)) (i64.load (i32.const 32)))
                 (i64.const 300000000))))",
        );
    let works = plugin(&format!("{name}-works"), &works)
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap();
    send(LoomChain::new([asks, works]), get(&[])).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_of_a_busy_stream_is_not_lost() {
    let name = "pause-busy-reply";
    let answer = asked_while_it_is_busy(name, "(call $reply (i32.const 429))").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(logs::said(name), ["asked"]);
}
