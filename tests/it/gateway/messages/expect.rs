//! `Expect: 100-continue` (RFC 9110, 10.1.1).

use tokio::io::AsyncReadExt;

use super::super::support::{Raw, Upstream, address, proxy_to, read_head, start, within};
use crate::layer::Guest;

const ASK: &str = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
const GO_ON: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// A gateway with this plugin in front of an upstream.
async fn with(guest: &Guest, upstream: &Upstream) -> loom_gateway::Running {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("guest.wasm");
    std::fs::write(&path, guest.wasm()).expect("written");
    start(&format!(
        "plugins: [{{name: guest, path: '{}'}}]
routes: [{{id: all, path: '/*', plugins: [guest], upstream: a}}]
upstreams: [{{name: a, endpoints: ['{}']}}]",
        path.display(),
        upstream.address()
    ))
    .await
}

#[tokio::test]
async fn whoever_is_refused_is_not_asked_for_the_body() {
    let upstream = Upstream::bind().await;
    let gateway = with(
        &Guest::new().on_request("(call $reply (i32.const 403))"),
        &upstream,
    )
    .await;
    // Everything until the gateway closes, as it has to: it cannot know whether the body comes after all.
    let response = Raw::exchange(address(&gateway), ASK).await;
    assert!(response.starts_with("HTTP/1.1 403 "), "{response}");

    let gateway = start("routes: []").await;
    let response = Raw::exchange(address(&gateway), ASK).await;
    assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
}

#[tokio::test]
async fn the_body_is_asked_for_when_it_is_sent_on() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let mut client = Raw::connect(address(&gateway)).await;
    client.send(ASK).await;
    assert_eq!(client.until("\r\n\r\n").await, GO_ON);
    client.send("ok").await;
    let mut server = upstream.accept().await;
    let head = read_head(&mut server).await;
    assert!(!head.contains("expect"), "it has been answered: {head}");
    let mut body = [0; 2];
    within(server.read_exact(&mut body)).await.expect("a body");
    assert_eq!(&body, b"ok");
}

#[tokio::test]
async fn a_plugin_that_reads_bodies_has_it_asked_for_when_the_headers_have_passed() {
    let upstream = Upstream::bind().await;
    // It waits for the whole body, and refuses it then.
    let guest = Guest::new().on(
        "proxy_on_request_body",
        "(if (local.get $end) (then (call $reply (i32.const 422)))) (i32.const 1)",
    );
    let gateway = with(&guest, &upstream).await;
    let mut client = Raw::connect(address(&gateway)).await;
    client.send(ASK).await;
    assert_eq!(client.until("\r\n\r\n").await, GO_ON);
    client.send("ok").await;
    let answer = client.until("\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 422 "), "{answer}");
}

#[tokio::test]
async fn http10_has_no_interim_responses() {
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&proxy_to(&[upstream])).await;
    let request = format!("{}ok", ASK.replace("HTTP/1.1", "HTTP/1.0"));
    let response = Raw::exchange(address(&gateway), &request).await;
    assert!(response.starts_with("HTTP/1.0 200 "), "{response}");
}
