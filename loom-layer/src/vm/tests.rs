//! What calls to other services leave behind: nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use tower::service_fn;

use crate::{CalloutBody, CompileCache, LoomPlugin, LoomRuntime};

/// Makes a hundred calls when it is configured, and the next one whenever one has ended, up to ten thousand: by turns an HTTP
/// call, a gRPC call, and a gRPC stream that it ends at once.
const GUEST: &str = r#"(module
  (import "env" "proxy_http_call" (func $http (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_grpc_call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_grpc_stream" (func $stream (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_grpc_send" (func $send (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "up")
  (data (i32.const 96) "\03\00\00\00\07\00\00\00\04\00\00\00\05\00\00\00\04\00\00\00\0a\00\00\00\04\00\00\00:method\00POST\00:path\00/ask\00:authority\00auth\00")
  (global $made (mut i32) (i32.const 0))
  (func $id (result i32) (i32.load (i32.const 0)))
  (func $next (local $kind i32) (local $status i32)
    (if (i32.eq (global.get $made) (i32.const 10000)) (then (return)))
    (local.set $kind (i32.rem_u (global.get $made) (i32.const 3)))
    (global.set $made (i32.add (global.get $made) (i32.const 1)))
    (if (i32.eq (local.get $kind) (i32.const 0)) (then
      (local.set $status (call $http (i32.const 64) (i32.const 2) (i32.const 96) (i32.const 68)
        (i32.const 64) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))))
    (if (i32.eq (local.get $kind) (i32.const 1)) (then
      (local.set $status (call $call (i32.const 64) (i32.const 2) (i32.const 64) (i32.const 2) (i32.const 64) (i32.const 2)
        (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 2) (i32.const 0) (i32.const 0)))))
    (if (i32.eq (local.get $kind) (i32.const 2)) (then
      (local.set $status (call $stream (i32.const 64) (i32.const 2) (i32.const 64) (i32.const 2) (i32.const 64) (i32.const 2)
        (i32.const 0) (i32.const 0) (i32.const 0)))
      (local.set $status (i32.or (local.get $status) (call $send (call $id) (i32.const 64) (i32.const 2) (i32.const 1))))))
    (if (local.get $status) (then unreachable)))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (local $left i32)
    (local.set $left (i32.const 100))
    (loop $more
      (call $next)
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $more (local.get $left)))
    (i32.const 1))
  (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32) (call $next))
  (func (export "proxy_on_grpc_receive") (param i32 i32 i32)
    (if (i32.eq (i32.and (local.get 1) (i32.const 3)) (i32.const 1)) (then (call $next))))
  (func (export "proxy_on_grpc_close") (param i32 i32 i32) (call $next)))"#;

/// Waits until something holds.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn ten_thousand_calls_leave_no_task() {
    let answered = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&answered);
    let upstream = service_fn(move |request: Request<CalloutBody>| {
        let counter = Arc::clone(&counter);
        async move {
            let asked = request.into_body().collect().await.expect("a body");
            assert!(asked.to_bytes().ends_with(b"up"));
            counter.fetch_add(1, Ordering::Relaxed);
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            let trailers = std::future::ready(Some(Ok::<_, Infallible>(trailers)));
            let message = Full::new(Bytes::from_static(b"\0\0\0\0\x01a"));
            Ok::<_, Infallible>(Response::new(message.with_trailers(trailers)))
        }
    });
    let runtime = LoomRuntime::builder().compile_cache(CompileCache::Off);
    let runtime = runtime.build().expect("a runtime");
    let plugin = LoomPlugin::builder("calls")
        .bytes(wat::parse_str(GUEST).expect("a module"))
        .runtime(&runtime)
        .instances(1)
        .upstream_service("up", upstream)
        .build_async()
        .await
        .expect("a plugin");
    let tasks = || runtime.platform().background.tasks();
    eventually("all are answered", || {
        answered.load(Ordering::Relaxed) == 10_000
    })
    .await;
    // The one that is left is the shard's own: it waits for ticks.
    eventually("their tasks end", || tasks() == 1).await;
    drop(plugin);
    eventually("the shard's ends too", || tasks() == 0).await;
}
