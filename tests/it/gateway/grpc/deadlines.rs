//! The time of a call: its own, and its route's.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tonic::Code;

use super::super::admin::{ADMIN, admin, eventually};
use super::super::connections::cut;
use super::super::support::{Raw, Upstream, address, http2, start, within};
use super::{Client, Setup, message};
use crate::grpc_server::GrpcServer;
use crate::layer::Guest;

/// Longer than any test.
const LONG: &str = "1H";

async fn call(gateway: std::net::SocketAddr, method: &str, timeout: &str) -> Response<Incoming> {
    let request = Request::post(format!("http://a/test.Exact/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", timeout)
        .body(Full::new(Bytes::from_static(&[0; 5])))
        .expect("a request");
    let mut client = http2(gateway).await;
    within(client.send_request(request))
        .await
        .expect("a response")
}

async fn until_silent(server: &GrpcServer) {
    within(async {
        while server.silences() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_smaller_of_both_ends_a_call() {
    let server = GrpcServer::start().await;
    for (route, timeout, error, said) in [
        (
            "",
            "50m",
            "grpc_deadline",
            "the deadline of the call is over",
        ),
        (
            ", timeout: 1h",
            "50000u",
            "grpc_deadline",
            "the deadline of the call is over",
        ),
        (
            ", timeout: 50ms",
            LONG,
            "route_timeout",
            "the upstream did not answer in time",
        ),
        (
            ", idle_timeout: 50ms",
            LONG,
            "idle_timeout",
            "the upstream was silent for too long",
        ),
    ] {
        let gateway = start(&Setup::new().yaml(server.address, route)).await;
        let response = call(address(&gateway), "SilentWithoutHead", timeout).await;
        let headers = response.headers();
        assert_eq!(
            (response.status().as_u16(), &headers["grpc-status"]),
            (200, &"4".parse().expect("a value"))
        );
        assert_eq!(headers["grpc-message"], said);
        assert_eq!(headers["x-loom-error"], error);
        // The server need not go on.
        until_silent(&server).await;
        assert_eq!(server.head().headers["grpc-timeout"], timeout);
    }
}

#[tokio::test]
async fn a_response_that_has_begun_ends_with_the_status() {
    let server = GrpcServer::start().await;
    for (route, timeout, code) in [
        ("", "500m", "grpc_deadline"),
        (", timeout: 500ms", LONG, "route_timeout"),
        (", idle_timeout: 500ms", LONG, "idle_timeout"),
    ] {
        let setup = Setup::new().yaml(server.address, route);
        let gateway = start(&format!("{ADMIN}{setup}")).await;
        let response = call(address(&gateway), "Silent", timeout).await;
        assert_eq!(response.headers()["x-meta"], "one");
        let body = within(response.into_body().collect()).await;
        let body = body.expect("an end in order");
        assert_eq!(body.trailers().expect("trailers")["grpc-status"], "4");
        until_silent(&server).await;
        eventually(admin(&gateway), &cut(code), 1.0).await;
    }
}

#[tokio::test]
async fn the_log_does_not_call_it_complete() {
    let server = GrpcServer::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("access.log");
    let gateway = start(&format!(
        "access_log: {{path: '{}', fields: [status, complete]}}\n{}",
        log.display(),
        Setup::new().yaml(server.address, "")
    ))
    .await;
    let response = call(address(&gateway), "Silent", "500m").await;
    within(response.into_body().collect())
        .await
        .expect("an end in order");
    let line = within(async {
        loop {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            if text.ends_with('\n') {
                break text;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let line: serde_json::Value = serde_json::from_str(&line).expect("a line");
    assert_eq!(
        (&line["status"], &line["complete"]),
        (&200.into(), &false.into())
    );
}

/// A client that counts bytes would miss some.
#[tokio::test]
async fn a_response_with_a_length_is_cut() {
    let upstream = Upstream::bind().await;
    let yaml = format!(
        "routes: [{{id: all, path: '/*', upstream: a}}]\nupstreams: [{{name: a, endpoints: ['{}']}}]",
        upstream.address()
    );
    let gateway = start(&yaml).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc\r\ngrpc-timeout: 500m\r\ncontent-length: 0\r\n\r\n")
        .await;
    let mut stream = upstream.accept().await;
    super::super::support::read_head(&mut stream).await;
    let answer =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ncontent-length: 9\r\n\r\nfive.";
    tokio::io::AsyncWriteExt::write_all(&mut stream, answer)
        .await
        .expect("a reader");
    let response = raw.rest().await;
    assert!(response.ends_with("\r\n\r\nfive."), "{response}");
}

#[tokio::test]
async fn a_plugin_that_holds_a_call_uses_up_its_time() {
    let server = GrpcServer::start().await;
    let holding = Guest::new().on("proxy_on_request_headers", "(i32.const 1)");
    let setup = Setup::new().plugin("holding", &holding);
    let gateway = start(&setup.yaml(server.address, "")).await;
    let response = call(address(&gateway), "Echo", "50m").await;
    assert_eq!(response.headers()["grpc-status"], "4");
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_client_of_tonics_is_told() {
    let server = GrpcServer::start().await;
    let gateway = start(&Setup::new().yaml(server.address, ", timeout: 500ms")).await;
    let mut client = Client::connect(address(&gateway)).await;
    let mut request = message("x");
    request.set_timeout(Duration::from_secs(3600));
    let status = client.unary("/test.Exact/SilentWithoutHead", request).await;
    let status = status.expect_err("it is late");
    assert_eq!(
        (status.code(), status.message()),
        (
            Code::DeadlineExceeded,
            "the upstream did not answer in time"
        )
    );
    let answer = client
        .streaming("/test.Exact/Silent", stream::iter([Bytes::new()]))
        .await;
    let mut silence = answer.expect("it begins").into_inner();
    let status = within(silence.message()).await.expect_err("it is late");
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

/// Requests of another kind may have such a header, too.
#[tokio::test]
async fn it_is_a_header_of_grpc_alone() {
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&super::super::support::proxy_to(&[upstream])).await;
    let response = Raw::exchange(
        address(&gateway),
        "GET / HTTP/1.1\r\nhost: a\r\ngrpc-timeout: 0m\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
}
