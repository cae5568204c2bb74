//! More than there is room for: the host's memory and the caller's stack are bounded too.

use std::convert::Infallible;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use loom_layer::RequestBody;
use tower::{Layer, ServiceExt, service_fn};

use super::support::{Guest, get, load, logs, plugin, poll, send};

/// Adds an entry again and again until that is refused, and says how often it worked and what the refusal was.
fn adding(add: &str) -> Guest {
    Guest::new()
        .item("(global $added (mut i32) (i32.const 0))")
        .item("(func $set_space (memory.fill (i32.const 65536) (i32.const 120) (i32.const 65536)))")
        .item(r#"(func $text (drop (call $remove (i32.const 0) @"x")))"#)
        .on_request(&format!(
            r#"(loop $more
                 (call $format (global.get $added))
                 (local.set $i {add})
                 (if (i32.eqz (local.get $i))
                   (then
                     (global.set $added (i32.add (global.get $added) (i32.const 1)))
                     (br_if $more (i32.lt_u (global.get $added) (i32.const 100000))))))
               (call $say_num (local.get $i))
               (call $say_num (global.get $added))"#
        ))
}

async fn added(name: &str, add: &str) -> (StatusCode, usize) {
    let plugin = plugin(name, &adding(add))
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let status = send(plugin, get(&[])).await.status;
    let said = logs::said(name);
    assert_eq!(said[0], "2", "{name}: BAD_ARGUMENT");
    (status, said[1].parse().unwrap())
}

#[tokio::test]
async fn a_header_map_that_grows_without_an_end() {
    let (status, names) = added(
        "excess-names",
        "(call $add (i32.const 0) (global.get $digits) (global.get $digits_len) (i32.const 1024) (i32.const 0))",
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    assert!((1000..=1024).contains(&names), "{names}");
    let (_, values) = added("excess-values", r#"(call $add (i32.const 0) @"x-a" @"v")"#).await;
    assert!((1000..=1024).contains(&values), "{values}");
    let (_, large) = added(
        "excess-large",
        "(call $set_space) (call $add (i32.const 0) (i32.const 1024) (i32.const 1) (i32.const 65536) (i32.const 65536))",
    )
    .await;
    assert!(large <= 16, "{large} times 64 KiB");
}

#[tokio::test]
async fn an_authority_for_a_full_header_map() {
    let guest = Guest::new().on_request(
        r#"(loop $more
             (call $format (local.get $i))
             (local.set $i (i32.add (local.get $i) (i32.const 1)))
             (br_if $more (i32.eqz (call $add (i32.const 0)
               (global.get $digits) (global.get $digits_len) (i32.const 1024) (i32.const 0)))))
           (call $say_num (call $replace (i32.const 0) @":authority" @"example.com"))
           (call $say_num (call $replace (i32.const 0) @"0" @"changed"))
           (call $say_num (call $remove (i32.const 0) @"1"))
           (call $say_num (call $replace (i32.const 0) @"x-new" @"fits"))"#,
    );
    let plugin = plugin("excess-authority", &guest)
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let answer = send(plugin, get(&[])).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(logs::said("excess-authority"), ["2", "0", "0", "0"]);
    assert_eq!(
        (answer.seen("0"), answer.seen("x-new")),
        ("changed", "fits")
    );
}

#[tokio::test]
async fn a_body_that_grows_without_an_end() {
    let guest = Guest::new()
        .memory(24)
        .import(
            "env",
            "proxy_set_buffer_bytes",
            "(func $set_buffer (param i32 i32 i32 i32 i32) (result i32))",
        )
        .item(
            r#"(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) (local $i i32)
                 (loop $more
                   (local.set $i (i32.add (local.get $i) (i32.const 1)))
                   (br_if $more (i32.and
                     (i32.eqz (call $set_buffer (i32.const 1) (i32.const -1) (i32.const 0)
                       (i32.const 65536) (i32.const 1048576)))
                     (i32.lt_u (local.get $i) (i32.const 1000)))))
                 (call $say_num (local.get $i))
                 (i32.const 0))"#,
        );
    let plugin = plugin("excess-body", &guest)
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let answer = send(plugin, get(&[])).await;
    assert_eq!(logs::said("excess-body"), ["65"], "64 of them were taken");
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body.len(), (64 << 20) + "hello".len());
}

const STACK: usize = 8 << 20;

/// Runs `f` with half a megabyte of the thread's stack left.
fn near_the_end<R>(begin: usize, f: impl FnOnce() -> R) -> R {
    let frame = std::hint::black_box([0_u8; 16 << 10]);
    if begin - (&raw const frame).addr() < STACK - (512 << 10) {
        near_the_end(begin, f)
    } else {
        f()
    }
}

/// wasmtime ends the process when a guest needs more stack than its thread has.
#[test]
fn a_thread_whose_stack_is_too_small() {
    let deep = Guest::new()
        .item("(func $deep (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))")
        .on_request("(drop (call $deep (i32.const 1)))");
    let starts_deep = deep
        .clone()
        .on("proxy_on_configure", "(call $deep (i32.const 1))");
    let loaded = load("excess-stack", &deep);
    let answers = move || {
        let tokio = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let status = tokio.block_on(send(loaded.clone(), get(&[]))).status;
        let error = plugin("excess-stack-start", &starts_deep).build();
        let other = loaded.with_config("other");
        (status, error.map(drop), other.map(drop))
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(|| {
        let begin = 0_u8;
        near_the_end((&raw const begin).addr(), answers)
    });
    let (status, start, other) = thread.unwrap().join().unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    for error in [start, other].map(|result| result.expect_err("there is no room")) {
        assert!(error.is_start(), "{error:?}");
        assert!(
            error
                .to_string()
                .contains("the thread's stack is too small"),
            "{error}"
        );
    }
}

/// The thread that polls has no room for the guest any more, and the VM that has the stream's context goes on.
#[test]
fn a_stream_whose_thread_has_no_room_any_more_leaves_no_context() {
    let plugin = load("excess-left", &Guest::counting().on_response(""));
    let inner = service_fn(|_: Request<RequestBody<Full<Bytes>>>| async {
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("hello")))
    });
    let mut request = Box::pin(plugin.layer(inner).oneshot(get(&[])));
    let status = move || {
        assert!(
            poll(&mut request).is_pending(),
            "the service has the request"
        );
        let begin = 0_u8;
        let answered = near_the_end((&raw const begin).addr(), || poll(&mut request));
        let Poll::Ready(response) = answered else {
            panic!("it is answered");
        };
        response.unwrap().status()
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(status);
    assert_eq!(
        thread.unwrap().join().unwrap(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    tokio.block_on(async {
        let begun = Instant::now();
        while send(plugin.clone(), get(&[])).await.seen("x-alive") != "1" {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "it is never deleted"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}
