//! HTTP calls of plugins, to real servers and to services.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use loom_layer::{CalloutBody, LoomPluginBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower::service_fn;

use super::support::{Answer, Guest, eventually, get, healed, logs, plugin, send};

/// `POST /ask` to `auth`, as pairs.
const HEADERS: &str = r#"@"\03\00\00\00\07\00\00\00\04\00\00\00\05\00\00\00\04\00\00\00\0a\00\00\00\04\00\00\00:method\00POST\00:path\00/ask\00:authority\00auth\00""#;

/// A plugin that makes a call for each request, holds the request meanwhile, and tells the inner service of the answer.
fn asking(upstream: &str, headers: &str, timeout: i32, answer: &str) -> Guest {
    Guest::new()
        .import(
            "env",
            "proxy_http_call",
            "(func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32))",
        )
        .import("env", "proxy_get_status", "(func $status (param i32 i32 i32) (result i32))")
        .item("(global $caller (mut i32) (i32.const 0))")
        .on(
            "proxy_on_request_headers",
            &format!(
                r#"(local.set $i (call $http_call @"{upstream}" {headers} @"ask" (i32.const 0) (i32.const 0)
                     (i32.const {timeout}) (i32.const 24)))
                   (if (local.get $i)
                     (then (call $set_num (i32.const 0) @"x-refused" (local.get $i)) (return (i32.const 0))))
                   (global.set $caller (local.get $id))
                   (call $say @"asked")
                   (i32.const 1)"#
            ),
        )
        .item(&format!(
            r#"(func (export "proxy_on_http_call_response")
                 (param $root i32) (param $call i32) (param $headers i32) (param $body i32) (param $trailers i32)
                 (call $say @"answered")
                 (if (call $set_context (global.get $caller)) (then (call $say @"gone") (return)))
                 {answer}
                 (drop (call $continue (i32.const 0))))"#
        ))
}

/// Writes down everything about the answer.
const TELL: &str = r#"
    (call $set_num (i32.const 0) @"x-same" (i32.eq (local.get $call) (i32.load (i32.const 24))))
    (call $set_num (i32.const 0) @"x-headers" (local.get $headers))
    (call $set_num (i32.const 0) @"x-size" (local.get $body))
    (call $set_num (i32.const 0) @"x-trailers" (local.get $trailers))
    (if (i32.eqz (call $get (i32.const 6) @":status" (i32.const 16) (i32.const 20)))
      (then (call $set (i32.const 0) @"x-status" (call $out) (call $out_len))))
    (if (i32.eqz (call $get (i32.const 7) @"x-t" (i32.const 16) (i32.const 20)))
      (then (call $set (i32.const 0) @"x-trailer" (call $out) (call $out_len))))
    (if (i32.eqz (call $get_buffer (i32.const 4) (i32.const 0) (i32.const -1) (i32.const 16) (i32.const 20)))
      (then (call $set (i32.const 0) @"x-body" (call $out) (call $out_len))))
    (drop (call $status (i32.const 24) (i32.const 16) (i32.const 20)))
    (call $set_num (i32.const 0) @"x-code" (i32.load (i32.const 24)))"#;

/// A server that reads one request to its end, says this, and closes; and that request's text.
async fn server(says: &'static str) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let request = tokio::spawn(async move {
        let mut stream = listener.accept().await.unwrap().0;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\nask") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(says.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    (address, request)
}

fn at(builder: LoomPluginBuilder, address: SocketAddr) -> LoomPluginBuilder {
    builder.upstream("auth", &format!("http://{address}"))
}

async fn ask(name: &str, says: &'static str) -> Answer {
    let (address, request) = server(says).await;
    let guest = asking("auth", HEADERS, 0, TELL);
    let answer = send(at(plugin(name, &guest), address).build().unwrap(), get(&[])).await;
    let request = request.await.unwrap().to_lowercase();
    assert!(request.starts_with("post /ask http/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nhost: auth\r\n"), "{request}");
    assert!(request.contains("\r\ncontent-length: 3\r\n"), "{request}");
    answer
}

#[tokio::test]
async fn the_answer_of_a_server() {
    let answer = ask(
        "call-server",
        "HTTP/1.1 401 No\r\nx-a: 1\r\ncontent-length: 4\r\n\r\nwhy?",
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.seen("x-same"),
        "1",
        "the callback is about that call"
    );
    assert_eq!(answer.seen("x-status"), "401");
    assert_eq!(answer.seen("x-headers"), "3");
    assert_eq!(
        (answer.seen("x-size"), answer.seen("x-body")),
        ("4", "why?")
    );
    assert_eq!(
        (answer.seen("x-trailers"), answer.seen("x-code")),
        ("0", "0")
    );
}

#[tokio::test]
async fn the_answer_of_a_service_with_trailers() {
    let service = service_fn(|request: Request<CalloutBody>| async move {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-t", HeaderValue::from_static("last"));
        let body =
            Full::new(body).with_trailers(std::future::ready(Some(Ok::<_, Infallible>(trailers))));
        Ok::<_, Infallible>(Response::new(body))
    });
    let guest = asking("auth", HEADERS, 0, TELL);
    let plugin = plugin("call-service", &guest)
        .upstream_service("auth", service)
        .build()
        .unwrap();
    let answer = send(plugin, get(&[])).await;
    assert_eq!(
        (answer.seen("x-status"), answer.seen("x-body")),
        ("200", "ask")
    );
    assert_eq!(
        (answer.seen("x-trailers"), answer.seen("x-trailer")),
        ("1", "last")
    );
}

#[tokio::test]
async fn a_call_that_breaks_off() {
    // Before the answer: the response that stands for it, as Envoy's client makes one.
    let answer = ask("call-cut-early", "").await;
    assert_eq!(
        (answer.seen("x-status"), answer.seen("x-code")),
        ("503", "0")
    );
    // In its middle: nothing.
    let answer = ask(
        "call-cut-late",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal",
    )
    .await;
    assert_eq!(answer.seen("x-status"), "");
    let numbers = ["x-headers", "x-size", "x-trailers"].map(|name| answer.seen(name));
    assert_eq!((numbers, answer.seen("x-code")), (["0"; 3], "11"));
}

#[tokio::test]
async fn nobody_there() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let guest = asking("auth", HEADERS, 0, TELL);
    let plugin = at(plugin("call-refused", &guest), address).build().unwrap();
    assert_eq!(send(plugin, get(&[])).await.seen("x-status"), "503");
}

#[tokio::test]
async fn no_answer_in_time() {
    let never = service_fn(|_: Request<CalloutBody>| {
        std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>()
    });
    let guest = asking("auth", HEADERS, 20, TELL);
    let plugin = plugin("call-slow", &guest)
        .upstream_service("auth", never)
        .build()
        .unwrap();
    assert_eq!(send(plugin, get(&[])).await.seen("x-status"), "504");
}

#[tokio::test]
async fn an_answer_that_is_too_large() {
    let large = service_fn(|_: Request<CalloutBody>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(vec![
            b'x';
            (1 << 20) + 1
        ]))))
    });
    let guest = asking("auth", HEADERS, 0, TELL);
    let plugin = plugin("call-large", &guest)
        .upstream_service("auth", large)
        .build()
        .unwrap();
    let answer = send(plugin, get(&[])).await;
    assert_eq!(
        (answer.seen("x-headers"), answer.seen("x-code")),
        ("0", "11")
    );
}

#[tokio::test]
async fn what_is_refused() {
    for (name, upstream, headers, timeout, status) in [
        ("call-unknown", "nobody", HEADERS, 0, "2"),
        ("call-headers", "auth", r#"@"\00\00\00\00""#, 0, "2"),
        ("call-timeout", "auth", HEADERS, -1, "2"),
        (
            "call-memory",
            "auth",
            "(i32.const -8) (i32.const 4)",
            0,
            "6",
        ),
    ] {
        let guest = asking(upstream, headers, timeout, TELL);
        let plugin = plugin(name, &guest)
            .upstream("auth", "http://127.0.0.1:9")
            .build()
            .unwrap();
        assert_eq!(
            send(plugin, get(&[])).await.seen("x-refused"),
            status,
            "{name}"
        );
    }
    assert!(
        logs::said("call-unknown")
            .iter()
            .any(|line| line.contains("no upstream is named `nobody`"))
    );
    let wrong = plugin("call-url", &Guest::new())
        .upstream("auth", "ftp://a")
        .build();
    let wrong = wrong.unwrap_err().to_string();
    assert!(
        wrong.contains("upstream `auth`: `ftp://a` does not begin with https://"),
        "{wrong}"
    );
}

#[tokio::test]
async fn a_reply_out_of_the_answer() {
    let hello = service_fn(|_: Request<CalloutBody>| async {
        Ok::<_, Infallible>(Response::new(Full::from("no")))
    });
    let guest = asking("auth", HEADERS, 0, "(call $reply (i32.const 403))");
    let plugin = plugin("call-reply", &guest)
        .upstream_service("auth", hello)
        .build()
        .unwrap();
    let answer = send(plugin, get(&[])).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.seen.is_none());
}

#[tokio::test]
async fn a_trap_in_the_answer_ends_the_held_stream_and_heals() {
    let hello = service_fn(|_: Request<CalloutBody>| async {
        Ok::<_, Infallible>(Response::new(Full::from("no")))
    });
    let guest = asking(
        "auth",
        HEADERS,
        0,
        r#"(if (call $has (i32.const 0) @"x-trap") (then unreachable))"#,
    );
    let plugin = plugin("call-trap", &guest)
        .upstream_service("auth", hello)
        .build()
        .unwrap();
    let answer = send(plugin.clone(), get(&[("x-trap", "1")])).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    healed(&plugin).await;
}

#[tokio::test]
async fn a_stream_that_is_gone_when_the_answer_comes() {
    let (release, released) = tokio::sync::watch::channel(false);
    let slow = service_fn(move |_: Request<CalloutBody>| {
        let mut released = released.clone();
        async move {
            released.wait_for(|released| *released).await.unwrap();
            Ok::<_, Infallible>(Response::new(Full::from("late")))
        }
    });
    let guest = asking("auth", HEADERS, 0, TELL);
    let plugin = plugin("call-late", &guest)
        .upstream_service("auth", slow)
        .build()
        .unwrap();
    let first = tokio::spawn(send(plugin.clone(), get(&[])));
    eventually("the call is made", || {
        logs::said("call-late").iter().any(|line| line == "asked")
    })
    .await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    release.send(true).unwrap();
    eventually("the plugin is told although the stream is gone", || {
        logs::said("call-late")
            .iter()
            .any(|line| line == "answered")
    })
    .await;
    assert_eq!(
        send(plugin, get(&[])).await.seen("x-body"),
        "late",
        "the plugin goes on"
    );
}

#[tokio::test]
async fn one_call_after_the_other() {
    let echo = service_fn(|request: Request<CalloutBody>| async move {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Ok::<_, Infallible>(Response::new(Full::new(body)))
    });
    let guest = asking("auth", HEADERS, 0, "");
    let plugin = plugin("call-many", &guest)
        .upstream_service("auth", echo)
        .build()
        .unwrap();
    for round in 0..200 {
        let answer = send(plugin.clone(), get(&[])).await;
        assert_eq!(answer.status, StatusCode::OK, "{round}");
    }
    let answered = logs::said("call-many")
        .iter()
        .filter(|line| *line == "answered")
        .count();
    assert_eq!(answered, 200, "each call is answered once");
}
