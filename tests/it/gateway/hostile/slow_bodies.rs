//! Clients that send their bodies byte by byte.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use http_body_util::channel::Channel;
use loom_gateway::Running;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::admin::{ADMIN, admin, eventually};
use super::super::support::{
    Raw, Upstream, address, http2, panics, proxy_to, read_head, start, within,
};
use super::super::upgrades::upgraded;
use super::Recorder;
use crate::gateway::keys::shows;

shows! {
    ["listeners[].limits"]: "body_timeout" or "1h", "body_rate" or "1B" => a_trickle_is_answered_and_others_are_served;
}

/// Far apart from what a byte now and then could keep up.
const LIMITS: &str = "{body_timeout: 300ms, body_rate: 1KiB}";

/// Between the bytes.
const PAUSE: Duration = Duration::from_millis(20);

async fn gateway(upstream: std::net::SocketAddr) -> Running {
    let routes = proxy_to(&[upstream]);
    let listener = format!("listeners: [{{name: web, address: '127.0.0.1:0', limits: {LIMITS}}}]");
    start(&format!("{ADMIN}{listener}\n{routes}")).await
}

/// Sends the same byte again and again, until the gateway does not take it any more.
async fn trickle(writer: &mut (impl AsyncWriteExt + Unpin)) {
    while writer.write_all(b"x").await.is_ok() {
        tokio::time::sleep(PAUSE).await;
    }
}

#[tokio::test]
async fn a_trickle_is_answered_and_others_are_served() {
    let upstream = Recorder::start().await;
    let gateway = gateway(upstream.address).await;
    for framing in [
        "content-length: 100000",
        "expect: 100-continue\r\ncontent-length: 100000",
    ] {
        let slow = Raw::connect(address(&gateway)).await;
        let (mut reader, mut writer) = slow.0.into_split();
        let head = format!("POST /slow HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n");
        writer.write_all(head.as_bytes()).await.expect("a reader");
        let writing = tokio::spawn(async move { trickle(&mut writer).await });
        let mut good = Raw::connect(address(&gateway)).await;
        good.send("POST /good HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nok")
            .await;
        assert!(good.response().await.starts_with("HTTP/1.1 200 "));
        let mut answer = Vec::new();
        // What it still sends when it is closed may be answered with a reset, behind the response.
        let _ = within(reader.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let answer = answer.trim_start_matches("HTTP/1.1 100 Continue\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        for line in ["x-loom-error: body_timeout", "connection: close"] {
            assert!(answer.contains(&format!("\r\n{line}\r\n")), "{answer}");
        }
        within(writing).await.expect("it ends");
    }
    within(async {
        while gateway.upstreams()[0].endpoints[0].in_flight > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let count = r#"loom_errors_total{code="body_timeout"}"#;
    eventually(admin(&gateway), count, 2.0).await;
    let summaries = upstream.summaries();
    assert!(
        !summaries.iter().any(|one| one.contains("/slow")),
        "{summaries:?}"
    );
    panics::assert_none();
}

#[tokio::test]
async fn with_http2_only_the_request_ends() {
    let upstream = Recorder::start().await;
    let gateway = gateway(upstream.address).await;
    let mut client = http2(address(&gateway)).await;
    let (mut sender, body) = Channel::<Bytes, std::io::Error>::new(1);
    let writing = tokio::spawn(async move {
        while sender.send_data(Bytes::from_static(b"x")).await.is_ok() {
            tokio::time::sleep(PAUSE).await;
        }
    });
    let request = Request::post("http://a/slow")
        .body(body)
        .expect("a request");
    let response = within(client.send_request(request)).await;
    let response = response.expect("a response");
    assert_eq!(response.status(), 408);
    assert_eq!(response.headers()["x-loom-error"], "body_timeout");
    assert!(!response.headers().contains_key("connection"));
    within(writing).await.expect("it ends");
    let count = r#"loom_errors_total{code="body_timeout"}"#;
    eventually(admin(&gateway), count, 1.0).await;

    let (sender, body) = Channel::new(1);
    drop(sender);
    let request = Request::post("http://a/good")
        .body(body)
        .expect("a request");
    let response = within(client.send_request(request)).await;
    assert_eq!(response.expect("a response").status(), 200);
    panics::assert_none();
}

/// A gRPC stream is such an exchange.
#[tokio::test]
async fn once_a_response_has_begun_there_is_no_hurry() {
    let upstream = Upstream::bind().await;
    let gateway = gateway(upstream.address()).await;
    let mut client = Raw::connect(address(&gateway)).await;
    client
        .send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 20\r\n\r\n")
        .await;
    let mut server = upstream.accept().await;
    read_head(&mut server).await;
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n";
    server.write_all(head).await.expect("a reader");
    read_head(&mut client.0).await;
    // Each byte comes back.
    for _ in 0..20 {
        tokio::time::sleep(PAUSE * 2).await;
        client.send("x").await;
        let byte = within(server.read_u8()).await.expect("a byte");
        server.write_all(&[byte]).await.expect("a reader");
        client.until("x").await;
    }
    panics::assert_none();
}

#[tokio::test]
async fn what_follows_an_upgrade_is_no_body() {
    let upstream = Upstream::bind().await;
    let gateway = gateway(upstream.address()).await;
    let (mut client, mut server) = upgraded(address(&gateway), &upstream).await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        client.send("x").await;
        assert_eq!(within(server.read_u8()).await.expect("a byte"), b'x');
    }
}

/// The default: an upload may pause for as long as it likes.
#[tokio::test]
async fn without_the_key_nobody_is_hurried() {
    let upstream = Recorder::start().await;
    let gateway = start(&proxy_to(&[upstream.address])).await;
    let mut client = http2(address(&gateway)).await;
    let (mut sender, body) = Channel::<Bytes, std::io::Error>::new(1);
    let request = Request::post("http://a/slow")
        .body(body)
        .expect("a request");
    let response = tokio::spawn(client.send_request(request));
    for _ in 0..20 {
        sender
            .send_data(Bytes::from_static(b"x"))
            .await
            .expect("a reader");
        tokio::time::sleep(PAUSE).await;
    }
    drop(sender);
    let response = within(response)
        .await
        .expect("it ends")
        .expect("a response");
    assert_eq!(response.status(), 200);
    response.into_body().collect().await.expect("a body");
    assert!(upstream.text().contains("/slow"));
}
