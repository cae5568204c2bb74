//! Many requests through a plugin that rewrites both bodies: all come out right, and nothing adds up.
//!
//! `LOOM_ENDURANCE_REQUESTS` sets how many there are. It is meant for a run of this test alone, whose memory is then looked at.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use loom_layer::{LoomPlugin, RequestBody};
use tower::{Layer, ServiceExt, service_fn};

use super::support::{Guest, eventually, logs, runtime};

/// How many are under way at the same time.
const AT_ONCE: usize = 32;

/// What comes before memory is looked at: buffers and pools find their sizes.
const WARM_UP: usize = 2_000;

/// Holds each body until all of it is there, and then puts it into brackets.
fn rewriting() -> Guest {
    let rewrite = |buffer: u32| {
        format!(
            r#"(if (i32.eqz (local.get $end)) (then (return (i32.const 1))))
               (drop (call $get_buffer (i32.const {buffer}) (i32.const 0) (i32.const -1) (i32.const 16) (i32.const 20)))
               (drop (call $set_buffer (i32.const {buffer}) (i32.const 0) (i32.const -1) (call $out) (call $out_len)))
               (drop (call $set_buffer (i32.const {buffer}) (i32.const 0) (i32.const 0) @"<"))
               (drop (call $set_buffer (i32.const {buffer}) (i32.const -1) (i32.const 0) @">"))
               (i32.const 0)"#
        )
    };
    Guest::counting()
        .import(
            "env",
            "proxy_set_buffer_bytes",
            "(func $set_buffer (param i32 i32 i32 i32 i32) (result i32))",
        )
        .on("proxy_on_request_body", &rewrite(0))
        .on("proxy_on_response_body", &rewrite(1))
        .on(
            "proxy_on_response_headers",
            r#"(drop (call $remove (i32.const 2) @"content-length")) (i32.const 0)"#,
        )
        .on("proxy_on_log", "")
        .on("proxy_on_done", "(i32.const 1)")
}

/// Sends a text to a service that repeats it; also how many contexts were alive then.
async fn echoed(plugin: LoomPlugin, text: String) -> (Bytes, usize) {
    let inner = service_fn(|request: Request<RequestBody<Full<Bytes>>>| async {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let mut response = Response::new(Full::new(body));
        let alive = parts.headers["x-alive"].clone();
        response.headers_mut().insert("x-alive", alive);
        Ok::<_, Infallible>(response)
    });
    let request = Request::post("/").body(Full::from(text)).unwrap();
    let response = plugin.layer(inner).oneshot(request).await.unwrap();
    let alive = response.headers()["x-alive"].to_str().unwrap();
    let alive = alive.parse().unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (body, alive)
}

async fn send(plugin: &LoomPlugin, requests: usize) {
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|task| {
            let plugin = plugin.clone();
            tokio::spawn(async move {
                for number in (task..requests).step_by(AT_ONCE) {
                    let text = "x".repeat(1 + number % 4096);
                    let (body, alive) = echoed(plugin.clone(), text.clone()).await;
                    assert_eq!(body, format!("<<{text}>>"));
                    // Some may end in the background.
                    assert!(alive <= 4 * AT_ONCE, "{alive} contexts");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// What the process has in memory, in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_adds_up() {
    logs::listen();
    let asked = std::env::var("LOOM_ENDURANCE_REQUESTS").ok();
    let requests = asked
        .as_ref()
        .map_or(2_000, |number| number.parse().unwrap());
    let plugin = LoomPlugin::builder("endurance")
        .bytes(rewriting().wasm())
        .runtime(runtime())
        .instances(2)
        .build()
        .unwrap();
    send(&plugin, WARM_UP).await;
    let before = resident();
    let begun = std::time::Instant::now();
    send(&plugin, requests).await;
    let (after, took) = (resident(), begun.elapsed());
    if asked.is_some() {
        println!("{requests} requests in {took:?}: {before} bytes resident before, {after} after");
        assert!(after < before + (16 << 20), "{before} bytes became {after}");
    }
    eventually("two VMs", || plugin.instances() == 2).await;
    let mut alive = usize::MAX;
    for _ in 0..100 {
        alive = alive.min(echoed(plugin.clone(), "x".to_owned()).await.1);
        if alive == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(alive, 1, "contexts are left");
}
