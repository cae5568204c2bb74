//! What a listener bounds.

use std::sync::{Arc, Mutex};

use http::Response;

use super::support::{Raw, Upstream, address, start};

fn listener(limits: &str, upstream: std::net::SocketAddr) -> String {
    format!(
        "listeners: [{{name: web, address: '127.0.0.1:0', limits: {{{limits}}}}}]
routes: [{{id: all, path: '/*', upstream: a}}]
upstreams: [{{name: a, endpoints: ['{upstream}']}}]"
    )
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_headers_is_cut_off() {
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&listener("header_timeout: 50ms", upstream)).await;
    for beginning in [
        "",
        "P",
        "PRI * HTTP/2.0\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n",
    ] {
        let mut raw = Raw::connect(address(&gateway)).await;
        raw.send(beginning).await;
        assert_eq!(raw.rest().await, "", "{beginning:?}");
    }
}

#[tokio::test]
async fn headers_have_a_size() {
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&listener("header_bytes: 8KiB", upstream)).await;
    let request = |bytes| {
        format!(
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: {}\r\n\r\n",
            "x".repeat(bytes)
        )
    };
    let response = Raw::exchange(address(&gateway), &request(7_000)).await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    let response = Raw::exchange(address(&gateway), &request(9_000)).await;
    assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
}

#[tokio::test]
async fn further_connections_wait_until_there_is_room() {
    let order = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&order);
    let upstream = Upstream::bind().await.serve(move |request| {
        seen.lock()
            .expect("no panic")
            .push_str(request.uri().path());
        async { Response::new(super::support::full("ok")) }
    });
    let gateway = start(&listener("connections: 1", upstream)).await;
    let request = |path| format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");

    let mut first = Raw::connect(address(&gateway)).await;
    first.send(request("/1")).await;
    first.response().await;
    let mut second = Raw::connect(address(&gateway)).await;
    second.send(request("/2")).await;
    for _ in 0..20 {
        first.send(request("/1")).await;
        first.response().await;
    }
    drop(first);
    second.response().await;
    assert_eq!(*order.lock().expect("no panic"), "/1".repeat(21) + "/2");
}
