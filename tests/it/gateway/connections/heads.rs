//! The head of a request: its time and its size.

use http::Request;
use http_body_util::Empty;

use super::super::admin::{admin, eventually};
use super::super::support::{Raw, Upstream, address, http2, start, within};
use super::{ended, listener};
use crate::gateway::keys::shows;

shows! {
    ["listeners[].limits"]: "header_bytes" => headers_have_a_size;
    ["listeners[].limits"]: "header_count" => headers_have_a_number;
    ["listeners[].limits"]: "header_timeout" => a_client_that_does_not_finish_its_headers_is_cut_off;
    ["listeners[].limits"]: "uri_length" => targets_have_a_length;
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_headers_is_cut_off() {
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&listener(
        "header_timeout: 50ms, idle_timeout: 1h",
        upstream,
    ))
    .await;
    let beginnings = [
        "",
        "P",
        "PRI * HTTP/2.0\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n",
    ];
    for beginning in beginnings {
        let mut raw = Raw::connect(address(&gateway)).await;
        raw.send(beginning).await;
        assert_eq!(raw.rest().await, "", "{beginning:?}");
    }
    let count = f64::from(u8::try_from(beginnings.len()).expect("few"));
    eventually(admin(&gateway), &ended("header_timeout"), count).await;
}

#[tokio::test]
async fn later_heads_have_as_much_time() {
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&listener(
        "header_timeout: 50ms, idle_timeout: 1h",
        upstream,
    ))
    .await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    raw.response().await;
    // Between requests it is another time that counts: this client has not begun.
    let mut other = Raw::connect(address(&gateway)).await;
    other.send("GET").await;
    other.rest().await;
    raw.send("GET / HTTP/1.1\r\n").await;
    assert_eq!(raw.rest().await, "");
}

#[tokio::test]
async fn a_body_that_stops_is_met_by_the_idle_timeout_of_its_route() {
    let silent = Upstream::bind().await;
    let gateway = start(&format!(
        "routes: [{{id: all, path: '/*', upstream: a, idle_timeout: 100ms}}]
upstreams: [{{name: a, endpoints: ['{}']}}]",
        silent.address()
    ))
    .await;
    let mut raw = Raw::connect(address(&gateway)).await;
    let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\nconnection: close\r\n\r\n123";
    raw.send(head).await;
    let response = raw.rest().await;
    assert!(response.starts_with("HTTP/1.1 504 "), "{response}");
    assert!(
        response.contains("x-loom-error: idle_timeout"),
        "{response}"
    );
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
    eventually(admin(&gateway), &ended("head_too_large"), 1.0).await;
}

#[tokio::test]
async fn headers_have_a_number() {
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&listener("header_count: 4", upstream)).await;
    let request = |more| {
        let more = "x: 1\r\n".repeat(more);
        format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{more}\r\n")
    };
    let response = Raw::exchange(address(&gateway), &request(2)).await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    let response = Raw::exchange(address(&gateway), &request(3)).await;
    assert!(response.starts_with("HTTP/1.1 431 "), "{response}");

    let mut client = http2(address(&gateway)).await;
    for (count, status) in [(4, 200), (5, 431)] {
        let mut request = Request::get("http://a/");
        for number in 0..count {
            request = request.header(format!("x-{number}"), "1");
        }
        let request = request.body(Empty::<bytes::Bytes>::new());
        let response = within(client.send_request(request.expect("a request"))).await;
        let response = response.expect("a response");
        assert_eq!(response.status(), status, "{count}");
        if status == 431 {
            assert_eq!(response.headers()["x-loom-error"], "too_many_headers");
        }
    }
}

#[tokio::test]
async fn targets_have_a_length() {
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&listener("uri_length: 16", upstream)).await;
    let request =
        |target: &str| format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let response = Raw::exchange(address(&gateway), &request("/2345678?0123456")).await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    let response = Raw::exchange(address(&gateway), &request("/2345678?01234567")).await;
    assert!(response.starts_with("HTTP/1.1 414 "), "{response}");
    assert!(
        response.contains("x-loom-error: uri_too_long"),
        "{response}"
    );
}

#[tokio::test]
async fn what_is_no_http_is_counted() {
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&listener("", upstream)).await;
    let response = Raw::exchange(address(&gateway), "\u{16}\u{3}\u{1} hello\r\n\r\n").await;
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    eventually(admin(&gateway), &ended("invalid_http"), 1.0).await;
}
