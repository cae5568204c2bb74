//! What a client may send, and what comes back.

use http::{Method, Request};
use http_body_util::{Empty, Full};
use serde_json::Value;

use super::support::{Raw, Upstream, address, http1, http2, proxy_to, start, text, within};
use crate::gateway::keys::shows;

shows! {
    ["upstreams[]"]: "builtin" only => the_echo_upstream_shows_what_reached_it;
}

const ECHO: &str =
    "routes: [{id: all, path: '/*', upstream: echo}]\nupstreams: [{name: echo, builtin: echo}]\n";

fn status(response: &str) -> &str {
    response.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn http1_and_http2_are_spoken_on_one_port() {
    let gateway = start(&proxy_to(&[Upstream::bind().await.say("hello")])).await;
    let address = address(&gateway);

    let request = || {
        Request::get("/a")
            .header("host", "example.com")
            .body(Empty::new())
            .expect("a request")
    };
    let response = within(http1(address).await.send_request(request()))
        .await
        .expect("a response");
    assert_eq!(
        (response.status().as_u16(), text(response).await.as_str()),
        (200, "hello")
    );

    let request = Request::get("http://example.com/a")
        .body(Empty::new())
        .expect("a request");
    let response = within(http2(address).await.send_request(request))
        .await
        .expect("a response");
    assert_eq!(response.version(), http::Version::HTTP_2);
    assert_eq!(
        (response.status().as_u16(), text(response).await.as_str()),
        (200, "hello")
    );
}

#[tokio::test]
async fn the_echo_upstream_shows_what_reached_it() {
    let gateway = start(ECHO).await;
    let request = Request::post("http://example.com/a/%2e%2e//b?c=d")
        .header("x-test", "1")
        .body(Full::from("the body"))
        .expect("a request");
    let response = within(http2(address(&gateway)).await.send_request(request))
        .await
        .expect("a response");
    assert_eq!(response.headers()["content-type"], "application/json");
    let id = response.headers()["x-request-id"]
        .to_str()
        .expect("text")
        .to_owned();

    let seen: Value = serde_json::from_str(&text(response).await).expect("JSON");
    assert_eq!(seen["method"], "POST");
    assert_eq!(seen["path"], "/b?c=d", "the path is normalised");
    assert_eq!(seen["body"], "the body");
    assert_eq!(seen["headers"]["host"], serde_json::json!(["example.com"]));
    assert_eq!(seen["headers"]["x-test"], serde_json::json!(["1"]));
    assert_eq!(seen["headers"]["x-request-id"], serde_json::json!([id]));
}

#[tokio::test]
async fn a_client_does_not_choose_its_request_id() {
    let gateway = start(ECHO).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        raw.send("GET / HTTP/1.1\r\nhost: a\r\nx-request-id: mine\r\n\r\n")
            .await;
        let response = raw.response().await;
        assert!(!response.contains("mine"), "{response}");
        ids.push(
            response
                .lines()
                .find_map(|line| line.strip_prefix("x-request-id: "))
                .expect("an id")
                .to_owned(),
        );
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn old_and_odd_requests_are_answered() {
    let gateway = start(ECHO).await;
    let address = address(&gateway);
    for (request, expected) in [
        ("GET / HTTP/1.0\r\n\r\n", "200"),
        (
            "HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
            "200",
        ),
        (
            "OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
            "204",
        ),
        (
            "GET http://a/x HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n",
            "200",
        ),
        ("GET / HTTP/1.1\r\nconnection: close\r\n\r\n", "400"),
        (
            "GET / HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n",
            "400",
        ),
        (
            "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n",
            "400",
        ),
        (
            "GET * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
            "400",
        ),
        (
            "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\nconnection: close\r\n\r\n",
            "501",
        ),
    ] {
        let response = Raw::exchange(address, request).await;
        assert_eq!(status(&response), expected, "{request:?}: {response}");
        let has_body = response
            .split_once("\r\n\r\n")
            .is_some_and(|(_, body)| !body.is_empty());
        assert_eq!(
            has_body,
            !request.starts_with("HEAD") && expected != "204",
            "{request:?}: {response}"
        );
    }
}

#[tokio::test]
async fn two_lengths_are_never_two_requests() {
    let gateway = start(ECHO).await;
    let address = address(&gateway);
    let post = |headers: &str, body: &str| {
        format!("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n{body}")
    };
    for headers in [
        "content-length: 3\r\ncontent-length: 4\r\n",
        "content-length: +3\r\n",
        "content-length: 3, 4\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: chunked, gzip\r\n",
    ] {
        let response = Raw::exchange(address, &post(headers, "abc")).await;
        assert_eq!(status(&response), "400", "{headers:?}: {response}");
    }
    // RFC 9112, 6.3: `Transfer-Encoding` overrides, and the length does not go on.
    let both = post(
        "content-length: 3\r\ntransfer-encoding: chunked\r\n",
        "4\r\nbody\r\n0\r\n\r\n",
    );
    let response = Raw::exchange(address, &both).await;
    let (_, json) = response.split_once("\r\n\r\n").expect("a body");
    let seen: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(seen["body"], "body");
    assert_eq!(seen["headers"]["content-length"], Value::Null);
    assert_eq!(seen["headers"]["transfer-encoding"], Value::Null);
}

#[tokio::test]
async fn a_head_response_keeps_the_length_that_get_would_have() {
    let upstream = Upstream::bind()
        .await
        .answer_and_close(b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n");
    let gateway = start(&proxy_to(&[upstream])).await;
    let head = "HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let response = Raw::exchange(address(&gateway), head).await;
    assert!(response.contains("content-length: 1234\r\n"), "{response}");
}

#[tokio::test]
async fn a_head_response_gets_no_length_of_its_own() {
    let upstream = Upstream::bind()
        .await
        .answer_and_close(b"HTTP/1.1 200 OK\r\netag: \"x\"\r\n\r\n");
    let gateway = start(&proxy_to(&[upstream])).await;
    let head = "HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let response = Raw::exchange(address(&gateway), head).await;
    assert_eq!(status(&response), "200");
    assert!(!response.contains("content-length"), "{response}");
}

#[tokio::test]
async fn a_304_gets_no_length_of_its_own() {
    let upstream = Upstream::bind()
        .await
        .answer_and_close(b"HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n");
    let gateway = start(&proxy_to(&[upstream])).await;
    let response = Raw::exchange(
        address(&gateway),
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(status(&response), "304");
    assert!(!response.contains("content-length"), "{response}");
}

#[tokio::test]
async fn interim_responses_are_not_taken_for_the_response() {
    let upstream = Upstream::bind().await.answer_and_close(
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    );
    let gateway = start(&proxy_to(&[upstream])).await;
    let response = Raw::exchange(
        address(&gateway),
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(status(&response), "200");
    assert!(response.ends_with("\r\n\r\nok"), "{response}");
}

#[tokio::test]
async fn a_client_that_waits_for_100_gets_it() {
    let gateway = start(ECHO).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\nconnection: close\r\n\r\n").await;
    let mut interim = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    within(tokio::io::AsyncReadExt::read_exact(
        &mut raw.0,
        &mut interim,
    ))
    .await
    .expect("an interim response");
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("ok").await;
    let response = raw.rest().await;
    assert!(response.contains("\"body\":\"ok\""), "{response}");
    assert!(
        !response.contains("100-continue"),
        "it was for this connection: {response}"
    );
}

#[tokio::test]
async fn an_http10_upstream_is_no_reason_to_close() {
    let upstream = Upstream::bind()
        .await
        .answer_and_close(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let gateway = start(&proxy_to(&[upstream])).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    for _ in 0..2 {
        raw.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let response = raw.response().await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    }
}

#[tokio::test]
async fn methods_pass_as_they_are() {
    let gateway = start(ECHO).await;
    let mut client = http1(address(&gateway)).await;
    for method in [
        Method::DELETE,
        Method::PATCH,
        Method::TRACE,
        Method::from_bytes(b"PURGE").expect("a method"),
    ] {
        let request = Request::builder()
            .method(&method)
            .uri("/")
            .header("host", "a");
        let response =
            within(client.send_request(request.body(Empty::new()).expect("a request"))).await;
        let seen: Value =
            serde_json::from_str(&text(response.expect("a response")).await).expect("JSON");
        assert_eq!(seen["method"], method.as_str());
    }
}
