//! The life of a stream: every callback exactly once and in order, however the stream ends.

use std::convert::Infallible;
use std::future::pending;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use loom_layer::RequestBody;
use tower::{BoxError, Layer, ServiceExt, service_fn};

use super::support::{Guest, eventually, get, load, logs, poll, send};

/// Says what happens to its streams, and does something with each request.
fn diarist_that(request: &str) -> Guest {
    let of_streams = |word: &str| {
        format!(r#"(if (i32.ne (local.get $id) (global.get $root)) (then (call $say @"{word}")))"#)
    };
    Guest::new()
        .item("(global $root (mut i32) (i32.const 0))")
        .on(
            "proxy_on_context_create",
            r#"(if (local.get $parent)
                 (then (call $say @"create"))
                 (else (global.set $root (local.get $id))))"#,
        )
        .on(
            "proxy_on_request_headers",
            &format!(r#"(call $say @"request") {request}"#),
        )
        .on_response(r#"(call $say @"response")"#)
        .on("proxy_on_log", r#"(call $say @"log")"#)
        .on("proxy_on_done", &(of_streams("done") + "(i32.const 1)"))
        .on("proxy_on_delete", &of_streams("delete"))
}

fn diarist() -> Guest {
    diarist_that("(i32.const 0)")
}

const WHOLE: [&str; 6] = ["create", "request", "response", "log", "done", "delete"];
const WITHOUT_RESPONSE: [&str; 5] = ["create", "request", "log", "done", "delete"];

/// The diary of the only stream of a plugin, once it is over.
async fn diary(name: &str) -> Vec<String> {
    eventually("the stream is deleted", || {
        logs::said(name).last().is_some_and(|last| last == "delete")
    })
    .await;
    logs::said(name)
}

fn mistake() -> Result<Response<Empty<Bytes>>, Infallible> {
    panic!("a handler's mistake")
}

type Plain = Request<RequestBody<Full<Bytes>>>;

#[tokio::test]
async fn a_whole_exchange() {
    send(load("life-whole", &diarist()), get(&[])).await;
    assert_eq!(diary("life-whole").await, WHOLE);
}

#[tokio::test]
async fn an_empty_body_that_nobody_reads() {
    let service = load("life-empty", &diarist()).layer(service_fn(|_: Plain| async move {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    }));
    let response = service.oneshot(get(&[])).await.unwrap();
    assert_eq!(logs::said("life-empty"), WHOLE, "it is over with its head");
    drop(response);
}

#[tokio::test]
async fn a_future_that_is_never_polled() {
    let plugin = load("life-unpolled", &diarist());
    let mut service = plugin.layer(service_fn(|_: Plain| async move {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    }));
    drop(service.clone().oneshot(get(&[])));
    drop(tower::Service::call(&mut service, get(&[])));
    assert_eq!(
        diary("life-unpolled").await,
        ["create", "log", "done", "delete"],
        "a stream is logged, whatever became of it"
    );
}

#[tokio::test]
async fn dropped_while_the_service_works() {
    let service = load("life-dropped", &diarist()).layer(service_fn(|_: Plain| async move {
        pending::<()>().await;
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    }));
    let mut future = Box::pin(service.oneshot(get(&[])));
    assert!(poll(&mut future).is_pending());
    assert_eq!(logs::said("life-dropped"), ["create", "request"]);
    drop(future);
    assert_eq!(diary("life-dropped").await, WITHOUT_RESPONSE);
}

#[tokio::test]
async fn dropped_while_the_plugin_holds_it() {
    let guest = diarist_that("(i32.const 1)");
    let service = load("life-held", &guest).layer(service_fn(|_: Plain| async move {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    }));
    let mut future = Box::pin(service.oneshot(get(&[])));
    assert!(poll(&mut future).is_pending());
    drop(future);
    assert_eq!(diary("life-held").await, WITHOUT_RESPONSE);
}

#[tokio::test]
async fn a_body_that_is_dropped_half_way_or_unread() {
    for (name, reads) in [("life-half", 1), ("life-unread", 0)] {
        let service = load(name, &diarist()).layer(service_fn(|_: Plain| async move {
            let frames =
                ["a", "b", "c"].map(|part| Ok::<_, BoxError>(Frame::data(Bytes::from(part))));
            Ok::<_, Infallible>(Response::new(StreamBody::new(stream::iter(frames))))
        }));
        let mut response = service.oneshot(get(&[])).await.unwrap();
        for _ in 0..reads {
            response.body_mut().frame().await.unwrap().unwrap();
        }
        assert_eq!(logs::said(name), ["create", "request", "response"]);
        drop(response);
        assert_eq!(diary(name).await, WHOLE);
    }
}

#[tokio::test]
async fn a_body_that_fails() {
    let service = load("life-failing", &diarist()).layer(service_fn(|_: Plain| async move {
        let frames = [
            Ok(Frame::data(Bytes::from("a"))),
            Err(BoxError::from("cut off")),
        ];
        Ok::<_, Infallible>(Response::new(StreamBody::new(stream::iter(frames))))
    }));
    let response = service.oneshot(get(&[])).await.unwrap();
    let body = response.into_body().collect().await;
    assert_eq!(body.expect_err("cut off").to_string(), "cut off");
    assert_eq!(diary("life-failing").await, WHOLE);
}

#[tokio::test]
async fn a_service_that_fails_or_panics() {
    let service = load("life-error", &diarist()).layer(service_fn(|_: Plain| async move {
        Err::<Response<Empty<Bytes>>, _>("no")
    }));
    assert_eq!(service.oneshot(get(&[])).await.expect_err("it fails"), "no");
    assert_eq!(diary("life-error").await, WITHOUT_RESPONSE);

    let plugin = load("life-panic", &diarist());
    let service = plugin.layer(service_fn(|_: Plain| async { mistake() }));
    let result = tokio::spawn(service.oneshot(get(&[]))).await;
    assert!(result.expect_err("it panics").is_panic());
    assert_eq!(diary("life-panic").await, WITHOUT_RESPONSE);
    assert_eq!(send(plugin, get(&[])).await.status, 200, "the VM is sound");
}

#[tokio::test]
async fn a_local_reply() {
    let replying = diarist_that("(call $reply (i32.const 403)) (i32.const 0)");
    assert_eq!(
        send(load("life-reply", &replying), get(&[])).await.status,
        403
    );
    assert_eq!(diary("life-reply").await, WHOLE);
}

type Endless = StreamBody<stream::Pending<Result<Frame<Bytes>, BoxError>>>;

#[tokio::test]
async fn a_handler_that_never_reads_its_body() {
    let service = load("life-ignored", &diarist()).layer(service_fn(
        |request: Request<RequestBody<Endless>>| async move {
            drop(request);
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("early")))
        },
    ));
    let request = Request::post("/")
        .body(StreamBody::new(stream::pending()))
        .unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "early"
    );
    assert_eq!(diary("life-ignored").await, WHOLE);
}
