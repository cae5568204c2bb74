//! Streams that are held on one thread and resumed, answered or cut from another: no wake-up is lost, however the two meet.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use loom_layer::{LoomPlugin, RequestBody};
use tower::{Layer, ServiceExt, service_fn};

use super::support::{Guest, PATIENCE, get, plugin, send};

/// A request that asks for it is held and put on a stack; another one takes it from there and does something to it.
fn holding() -> Guest {
    let hold = |header: &str| {
        format!(
            r#"(if (call $has (i32.const 0) @"{header}")
                 (then
                   (i32.store (global.get $top) (local.get $id))
                   (global.set $top (i32.add (global.get $top) (i32.const 4)))
                   (return (i32.const 1))))"#
        )
    };
    let (on_request, on_response) = (hold("x-hold-request"), hold("x-hold-response"));
    Guest::new()
        .import("env", "proxy_close_stream", "(func $close (param i32) (result i32))")
        .item("(global $top (mut i32) (i32.const 131072))")
        .on(
            "proxy_on_request_headers",
            &format!(
                r#"{on_request}
                   (if (i32.eqz (call $has (i32.const 0) @"x-deed")) (then (return (i32.const 0))))
                   (if (i32.eq (global.get $top) (i32.const 131072)) (then (return (i32.const 0))))
                   (local.set $i (i32.load8_u (call $out)))
                   (global.set $top (i32.sub (global.get $top) (i32.const 4)))
                   (call $set (i32.const 0) @"x-found" @"1")
                   (drop (call $set_context (i32.load (global.get $top))))
                   (if (i32.eq (local.get $i) (i32.const 114)) (then (call $reply (i32.const 418))))
                   (if (i32.eq (local.get $i) (i32.const 99)) (then (drop (call $close (i32.const 0)))))
                   (drop (call $continue (i32.const 0)))
                   (drop (call $continue (i32.const 1)))
                   (i32.const 0)"#
            ),
        )
        .on("proxy_on_response_headers", &format!("{on_response} (i32.const 0)"))
}

/// A request that is held; it has to come to an end.
async fn held(plugin: LoomPlugin, at: &'static str) {
    let inner = service_fn(|_: Request<RequestBody<Full<Bytes>>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("hello")))
    });
    let response = plugin
        .layer(inner)
        .oneshot(get(&[(at, "1")]))
        .await
        .unwrap();
    let status = response.status().as_u16();
    if response.into_body().collect().await.is_ok() {
        assert!(status == 200 || status == 418, "{status}");
    }
}

/// Takes one that is held, as soon as there is one.
async fn release(plugin: LoomPlugin, deed: &'static str) {
    while send(plugin.clone(), get(&[("x-deed", deed)]))
        .await
        .seen("x-found")
        != "1"
    {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_held_here_is_woken_there() {
    let plugin = plugin("wakes", &holding())
        // Only a wake-up ends a hold.
        .pause_timeout(Duration::from_secs(3600))
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    let tasks: Vec<_> = (0..2000)
        .flat_map(|number| {
            let at = ["x-hold-request", "x-hold-response"][number % 2];
            // Continue, reply, close.
            let deed = ["-", "-", "r", "c"][number / 2 % 4];
            [
                tokio::spawn(held(plugin.clone(), at)),
                tokio::spawn(release(plugin.clone(), deed)),
            ]
        })
        .collect();
    for task in tasks {
        let end = tokio::time::timeout(PATIENCE, task).await;
        end.expect("it is woken").unwrap();
    }
}
