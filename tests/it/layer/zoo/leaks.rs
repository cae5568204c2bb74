//! What adds up: memory that is never freed, ticks that never end, streams that meddle with each other.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use loom_layer::{FailurePolicy, RequestBody};
use tower::{Layer, ServiceExt, service_fn};

use super::super::support::{Guest, eventually, get, healed, logs, plugin, poll, send};
use super::POLICIES;
use super::neighbour::Neighbour;

fn failures(name: &str) -> Vec<logs::Line> {
    let lines = logs::of(name).into_iter();
    lines
        .filter(|line| line.target == "loom::vm" && line.message().contains("a plugin failed"))
        .collect()
}

/// Some 2,000 requests fill the memory; `LOOM_ZOO_RUNS` sets how many there are.
#[tokio::test]
async fn an_allocator_that_never_frees() {
    let guest = Guest::new()
        .item("(global $end (mut i32) (i32.const 65536))")
        .allocator(
            "(local.set $at (global.get $end))
             (global.set $end (i32.add (global.get $end) (local.get $size)))
             (loop $more
               (if (i32.gt_u (global.get $end) (i32.mul (memory.size) (i32.const 65536)))
                 (then
                   (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
                   (br $more))))
             (local.get $at)",
        )
        .on_request(
            r#"(drop (call $get (i32.const 0) @"x-large" (i32.const 16) (i32.const 20)))
               (call $set_num (i32.const 0) @"x-pages" (memory.size))"#,
        );
    let large = "x".repeat(1000);
    let runs = std::env::var("LOOM_ZOO_RUNS").map_or(5000, |runs| runs.parse().expect("a number"));
    for policy in POLICIES {
        let name = format!("zoo-never-frees-{policy:?}");
        let plugin = plugin(&name, &guest)
            .memory_limit(2 << 20)
            .failure_policy(policy)
            .build()
            .unwrap();
        let mut refused = 0;
        for _ in 0..runs {
            let answer = send(plugin.clone(), get(&[("x-large", &large)])).await;
            refused += usize::from(answer.status != 200);
            if let Ok(pages) = answer.seen("x-pages").parse::<u32>() {
                assert!(pages <= 32, "{pages} pages are more than 2 MiB");
            }
            if answer.status != 200 {
                // The next VM is built in the background.
                healed(&plugin).await;
            }
        }
        let failures = failures(&name);
        assert!(failures.len() >= runs / 3000, "{}", failures.len());
        for failure in &failures {
            let cause = failure.field("cause");
            assert!(cause.contains("raise `memory_limit`"), "{cause}");
        }
        match policy {
            FailurePolicy::Closed => assert!(refused >= failures.len()),
            FailurePolicy::Open => assert_eq!(refused, 0),
        }
    }
}

/// Each VM fails at its first tick. Until the breaker opens it is built again and again, and nobody else notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ticks_that_loop() {
    let guest = Guest::new()
        .import(
            "env",
            "proxy_set_tick_period_milliseconds",
            "(func $set_tick (param i32) (result i32))",
        )
        .on(
            "proxy_on_configure",
            "(drop (call $set_tick (i32.const 1))) (i32.const 1)",
        )
        .on("proxy_on_tick", "(call $for_ever)")
        .on_request("");
    let neighbour = Neighbour::start("ticks");
    let name = "zoo-ticks-that-loop";
    let plugin = plugin(name, &guest)
        .timeout(Duration::from_millis(10))
        .failure_policy(FailurePolicy::Open)
        .build()
        .unwrap();
    let opened = || {
        let lines = logs::of(name).into_iter();
        lines
            .filter(|line| line.message().contains("the breaker is open"))
            .count()
    };
    while opened() == 0 {
        assert_eq!(send(plugin.clone(), get(&[])).await.status, 200);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!((opened(), plugin.instances()), (1, 0));
    for failure in failures(name) {
        assert_eq!(failure.field("callback"), "proxy_on_tick");
        assert!(failure.field("cause").contains("and `timeout` is 10 ms"));
    }
    assert_eq!(send(plugin, get(&[])).await.status, 200);
    neighbour.was_served().await;
}

/// Does to the stream that is held what the request says.
fn meddling() -> Guest {
    Guest::counting()
        .import("env", "proxy_close_stream", "(func $close (param i32) (result i32))")
        .item("(global $held (mut i32) (i32.const 0))")
        .on(
            "proxy_on_response_headers",
            r#"(if (call $has (i32.const 0) @"x-hold")
                 (then (global.set $held (local.get $id)) (return (i32.const 1))))
               (if (call $has (i32.const 0) @"x-meddle")
                 (then
                   (drop (call $set_context (global.get $held)))
                   (if (call $has (i32.const 0) @"x-edit")
                     (then (call $set (i32.const 2) @"x-edited" @"1")))
                   (if (call $has (i32.const 0) @"x-status")
                     (then (call $set (i32.const 2) @":status" @"0")))
                   (if (call $has (i32.const 0) @"x-reply") (then (call $reply (i32.const 418))))
                   (if (call $has (i32.const 0) @"x-close") (then (drop (call $close (i32.const 1)))))
                   (if (call $has (i32.const 0) @"x-trap") (then unreachable))
                   (drop (call $continue (i32.const 1)))))
               (i32.const 0)"#,
        )
}

/// Another stream of the plugin changes, answers, cuts or resumes the one that is held, or fails in its name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_meddle_with_each_other() {
    use FailurePolicy::{Closed, Open};
    // What becomes of the held stream: its status, or nothing if it is cut; and of the other one.
    for (deed, policy, held, other) in [
        ("x-edit", Closed, Some(200), 200),
        ("x-status", Closed, Some(502), 200),
        ("x-reply", Closed, Some(418), 200),
        ("x-close", Closed, None, 200),
        ("x-trap", Closed, Some(503), 503),
        ("x-trap", Open, Some(200), 200),
    ] {
        let name = format!("zoo-meddle-{deed}-{policy:?}");
        let plugin = plugin(&name, &meddling())
            .failure_policy(policy)
            .build()
            .unwrap();
        let inner = service_fn(|_: Request<RequestBody<Full<Bytes>>>| async {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("hello")))
        });
        let mut holding = Box::pin(
            plugin
                .layer(inner)
                .oneshot(get(&[("x-hold", "1"), (deed, "1")])),
        );
        assert!(poll(&mut holding).is_pending(), "{name}");
        let answer = send(plugin.clone(), get(&[("x-meddle", "1"), (deed, "1")])).await;
        assert_eq!(answer.status, other, "{name}");
        let response = holding.await.unwrap();
        let (status, edited) = (
            response.status().as_u16(),
            response.headers().contains_key("x-edited"),
        );
        let body = http_body_util::BodyExt::collect(response.into_body()).await;
        assert_eq!(body.is_ok().then_some(status), held, "{name}");
        assert_eq!(edited, deed == "x-edit", "{name}");
        healed(&plugin).await;
        eventually("a VM is there", || plugin.instances() == 1).await;
        assert_eq!(send(plugin, get(&[])).await.seen("x-alive"), "1", "{name}");
    }
}
