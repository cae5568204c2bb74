//! What a client of gRPC is told when something fails on the way.

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use tonic::Code;

use super::super::support::{Raw, address, http2, refused_address, start, within};
use super::{Client, Setup, message};
use crate::grpc_server::GrpcServer;
use crate::layer::Guest;

const METHOD: &str = "/test.Exact/Echo";

/// The response to a request as a client of gRPC sends it, as it is.
async fn exact(gateway: std::net::SocketAddr, content_type: &str) -> Response<Incoming> {
    let request = Request::post(format!("http://a{METHOD}"))
        .header("content-type", content_type)
        .header("te", "trailers")
        .body(Full::new(Bytes::from_static(&[0; 5])))
        .expect("a request");
    let mut client = http2(gateway).await;
    within(client.send_request(request))
        .await
        .expect("a response")
}

/// A response of headers alone.
fn assert_answer(response: &Response<Incoming>, status: &str, message: &str) {
    let headers = response.headers();
    assert_eq!(response.status(), 200);
    assert_eq!(headers["content-type"], "application/grpc");
    assert_eq!(headers["grpc-status"], status);
    let said = headers.get("grpc-message");
    assert_eq!(
        said.map_or(&b""[..], |said| said.as_bytes()),
        message.as_bytes()
    );
    assert!(!headers.contains_key("content-length"), "{headers:?}");
    assert!(response.body().is_end_stream(), "there is no body");
}

#[tokio::test]
async fn failures_of_the_gateway_are_statuses() {
    let yaml = Setup::new().yaml(refused_address().await, "");
    let gateway = start(&yaml).await;
    for content_type in ["application/grpc", "application/grpc+proto"] {
        let response = exact(address(&gateway), content_type).await;
        assert_answer(&response, "14", "the upstream cannot be reached");
        assert_eq!(response.headers()["x-loom-error"], "upstream_unreachable");
        assert!(response.headers().contains_key("x-request-id"));
    }
    let mut client = Client::connect(address(&gateway)).await;
    let status = client.unary(METHOD, message("x")).await;
    let status = status.expect_err("nobody listens");
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unavailable, "the upstream cannot be reached")
    );
    // It is the request's type that counts.
    for content_type in ["application/json", "application/grpc-web+proto"] {
        let response = exact(address(&gateway), content_type).await;
        assert_eq!(response.status(), 502);
        assert!(!response.headers().contains_key("grpc-status"));
    }
}

#[tokio::test]
async fn so_are_those_before_and_around_a_route() {
    let server = GrpcServer::start().await;
    let yaml = format!(
        "routes: [{{id: one, path: /other, upstream: a}}]
upstreams: [{{name: a, endpoints: ['{}'], protocol: http2}}]",
        server.address
    );
    let gateway = start(&yaml).await;
    let response = exact(address(&gateway), "application/grpc").await;
    assert_answer(&response, "12", "no route takes this request");

    // HTTP/1.1 has no gRPC, but its clients may ask.
    let response = Raw::exchange(
        address(&gateway),
        "POST / HTTP/1.1\r\nhost: a\r\nhost: b\r\ncontent-type: application/grpc\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    assert!(response.contains("grpc-status: 13\r\n"), "{response}");
}

#[tokio::test]
async fn so_are_responses_of_the_configuration() {
    let gateway = start(
        "routes:
  - {id: closed, path: /test.Exact/Echo, respond: {status: 503, body: 'closed until 10%', headers: {x-a: b}}}
  - {id: ready, path: /ready, respond: {status: 200, headers: {content-type: application/grpc, grpc-status: '0'}}}",
    )
    .await;
    let response = exact(address(&gateway), "application/grpc").await;
    assert_answer(&response, "14", "closed until 10%25");
    assert_eq!(response.headers()["x-a"], "b");
    let mut client = Client::connect(address(&gateway)).await;
    let status = client.unary("/ready", message("x")).await;
    assert_eq!(
        status.expect_err("no message came").code(),
        Code::Internal,
        "its own form is left as it is"
    );
}

/// Answers with 403, this body, one header and this status of gRPC.
fn refusing(headers: &str, code: i32) -> Guest {
    let body = format!(
        r#"(drop (call $send (i32.const 403) (i32.const 0) (i32.const 0) @"not you, Zo\c3\ab"
             {headers} (i32.const {code})))"#
    );
    Guest::new().on_request(&body)
}

#[tokio::test]
async fn replies_of_plugins_are_statuses() {
    let server = GrpcServer::start().await;
    let none = "(i32.const 0) (i32.const 0)";
    // One pair: its count, two lengths, and the texts.
    let pair = r#"@"\01\00\00\00\0b\00\00\00\01\00\00\00grpc-status\009\00""#;
    for (headers, code, expected) in [
        (none, -1, "7"),
        (none, 16, "16"),
        (none, 0, "0"),
        (none, 17, "7"),
        (pair, 16, "9"),
    ] {
        let setup = Setup::new().plugin("refusing", &refusing(headers, code));
        let gateway = start(&setup.yaml(server.address, "")).await;
        let response = exact(address(&gateway), "application/grpc").await;
        assert_answer(&response, expected, "not you, Zo%C3%AB");
        assert!(!response.headers().contains_key("x-loom-error"));
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn failures_of_plugins_are_statuses() {
    let server = GrpcServer::start().await;
    let setup = Setup::new().plugin("trap", &Guest::new().on_request("unreachable"));
    let gateway = start(&setup.yaml(server.address, "")).await;
    let response = exact(address(&gateway), "application/grpc").await;
    assert_answer(&response, "14", "");
    assert_eq!(response.headers()["x-loom-error"], "plugin_failed");
}

#[tokio::test]
async fn plugins_see_a_failure_as_the_client_does() {
    let seeing = Guest::new().on_response(
        r#"(if (call $has (i32.const 2) @"grpc-status")
             (then (call $set (i32.const 2) @"x-seen" @"a status")))"#,
    );
    let setup = Setup::new().plugin("seeing", &seeing);
    let gateway = start(&setup.yaml(refused_address().await, "")).await;
    let response = exact(address(&gateway), "application/grpc").await;
    assert_answer(&response, "14", "the upstream cannot be reached");
    assert_eq!(response.headers()["x-seen"], "a status");
}
