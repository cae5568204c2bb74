//! Bodies of requests that are answered before anybody has read them to their end.

use std::net::SocketAddr;

use http::Response;

use super::super::support::{Raw, Upstream, address, full, start};
use crate::built::add_header;

const REFUSES: &str = "routes: [{id: all, path: '/*', respond: {status: 403, body: no}}]";

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// The head of a request with a body.
fn post(length: usize, more: &str) -> String {
    format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n{more}\r\n")
}

/// Sends requests with bodies over one connection, each answered with this before its body has come.
async fn upload(gateway: SocketAddr, status: &str) {
    let mut raw = Raw::connect(gateway).await;
    for _ in 0..3 {
        raw.send(post(512 * 1024, "")).await;
        let response = raw.response().await;
        assert!(response.starts_with(status), "{response}");
        raw.send(vec![b'x'; 512 * 1024]).await;
        raw.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel")
            .await;
        let response = raw.response().await;
        assert!(response.starts_with(status), "{response}");
        raw.send("lo\r\n0\r\n\r\n").await;
    }
    raw.send(GET).await;
    let response = raw.response().await;
    assert!(response.starts_with(status), "{response}");
}

#[tokio::test]
async fn the_connection_goes_on_after_a_body_that_nobody_reads() {
    let gateway = start(REFUSES).await;
    upload(address(&gateway), "HTTP/1.1 403 ").await;
}

/// An upstream that answers before it has read a body.
async fn hasty() -> SocketAddr {
    Upstream::bind().await.serve(|request| async {
        drop(request);
        Response::new(full("ok"))
    })
}

#[tokio::test]
async fn it_goes_on_after_an_upstream_that_answers_early_too() {
    let plugin = add_header();
    for plugins in ["", "plugins: [one], "] {
        let yaml = format!(
            "plugins: [{{name: one, path: '{}'}}]
routes: [{{id: all, path: '/*', {plugins}upstream: backend}}]
upstreams: [{{name: backend, endpoints: ['{}']}}]",
            plugin.display(),
            hasty().await,
        );
        let gateway = start(&yaml).await;
        upload(address(&gateway), "HTTP/1.1 200 ").await;
    }
}

#[tokio::test]
async fn the_answer_outlives_a_body_that_is_too_large() {
    let gateway = start(REFUSES).await;
    // A connection that ends anyway ends no sooner.
    for more in ["", "connection: close\r\n"] {
        let mut raw = Raw::connect(address(&gateway)).await;
        raw.send(post(8 << 20, more)).await;
        // Nobody resets it while it is sent.
        raw.send(vec![b'x'; 8 << 20]).await;
        let all = raw.rest().await;
        assert!(all.starts_with("HTTP/1.1 403 "), "{all}");
        assert!(all.ends_with("no"), "nothing follows the answer: {all}");
    }
}

#[tokio::test]
async fn a_client_that_waits_is_not_asked_for_its_body() {
    let gateway = start(REFUSES).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send(post(512 * 1024, "expect: 100-continue\r\n")).await;
    let all = raw.rest().await;
    assert!(all.starts_with("HTTP/1.1 403 "), "{all}");
    assert!(!all.contains(" 100 "), "{all}");
}
