//! Lengths, and messages that have no body.

use http::{Method, Request};
use http_body_util::Empty;
use hyper::body::{Body, Bytes};

use super::super::support::{Raw, Upstream, address, http2, proxy_to, start, within};
use super::answered;

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// The head of the request that reaches an upstream when a client sends this.
async fn passed_on(request: &str) -> String {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let client = Raw::exchange(address(&gateway), request);
    let (head, _) = tokio::join!(upstream.capture(), client);
    head
}

#[tokio::test]
async fn a_request_keeps_its_framing() {
    let with =
        |framing: &str| format!("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{framing}");
    let head = passed_on(&with("content-length: 2\r\n\r\nok")).await;
    assert!(head.contains("content-length: 2\r\n"), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");

    let head = passed_on(&with(
        "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ))
    .await;
    assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
    assert!(!head.contains("content-length"), "{head}");

    // Without a body there is nothing to frame, unless the client says that there is nothing.
    let head = passed_on(&with("content-length: 0\r\n\r\n")).await;
    assert!(head.contains("content-length: 0\r\n"), "{head}");
    let head = passed_on(GET).await;
    assert!(!head.contains("content-length"), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
}

#[tokio::test]
async fn a_response_keeps_its_framing() {
    let response = answered(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", GET).await;
    assert!(response.contains("content-length: 2\r\n"), "{response}");
    assert!(response.ends_with("\r\n\r\nok"), "{response}");

    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let response = answered(chunked, GET).await;
    assert!(
        response.contains("transfer-encoding: chunked\r\n"),
        "{response}"
    );
    assert!(response.ends_with("2\r\nok\r\n0\r\n\r\n"), "{response}");

    // To the end of the connection: its length is not known, and the client's connection may go on.
    let response = answered(b"HTTP/1.1 200 OK\r\n\r\nok", GET).await;
    assert!(
        response.contains("transfer-encoding: chunked\r\n"),
        "{response}"
    );
}

#[tokio::test]
async fn what_has_no_body_keeps_its_headers() {
    let no_content = b"HTTP/1.1 204 No Content\r\nx-a: b\r\n\r\n";
    let response = answered(no_content, GET).await;
    assert!(response.starts_with("HTTP/1.1 204 "), "{response}");
    assert!(response.contains("x-a: b\r\n"), "{response}");
    assert!(!response.contains("content-length"), "{response}");
    assert!(!response.contains("transfer-encoding"), "{response}");

    // It may say the length of the 200 that it stands for (RFC 9110, 8.6), which hyper leaves out.
    let not_modified = b"HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\ncontent-length: 9\r\n\r\n";
    let response = answered(not_modified, GET).await;
    assert!(response.starts_with("HTTP/1.1 304 "), "{response}");
    assert!(response.contains("etag: \"x\"\r\n"), "{response}");
    assert!(!response.contains("content-length"), "{response}");
    assert!(response.ends_with("\r\n\r\n"), "{response}");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let head = GET.replace("GET", "HEAD");
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-a: b\r\n\r\n";
    let response = answered(chunked, &head).await;
    assert!(response.contains("x-a: b\r\n"), "{response}");
    assert!(response.ends_with("\r\n\r\n"), "{response}");

    let upstream = Upstream::bind()
        .await
        .answer_and_close(b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n");
    let gateway = start(&proxy_to(&[upstream])).await;
    let request = Request::builder().method(Method::HEAD).uri("http://a/");
    let request = request.body(Empty::<Bytes>::new()).expect("a request");
    let mut client = http2(address(&gateway)).await;
    let response = within(client.send_request(request))
        .await
        .expect("a response");
    assert_eq!(response.headers()["content-length"], "1234");
    assert!(response.body().is_end_stream());
}
