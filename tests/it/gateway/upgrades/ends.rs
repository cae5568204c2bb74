//! How an upgraded connection ends, and what is told about it.

use std::time::{Duration, Instant};

use loom_gateway::Drained;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::support::{Raw, Upstream, address, proxy_to, read_head, start, within};
use super::{ASK, upgraded};

/// A route for every request, with more keys.
fn route(upstream: &Upstream, keys: &str) -> String {
    proxy_to(&[upstream.address()]).replace(
        "upstream: backend}",
        &format!("upstream: backend, {keys}}}"),
    )
}

#[tokio::test]
async fn silence_ends_it_and_the_time_of_a_response_does_not() {
    let upstream = Upstream::bind().await;
    let keys = "timeout: 20ms, idle_timeout: 400ms";
    let gateway = start(&route(&upstream, keys)).await;
    let (mut client, mut server) = upgraded(address(&gateway), &upstream).await;
    // Each of them puts the end off, whichever side it comes from.
    tokio::time::sleep(Duration::from_millis(200)).await;
    client.send("x").await;
    within(server.read_u8()).await.expect("a byte");
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.write_all(b"y").await.expect("a reader");
    client.until("y").await;
    let since = Instant::now();
    assert_eq!(client.rest().await, "");
    assert!(
        since.elapsed() >= Duration::from_millis(350),
        "{:?}",
        since.elapsed()
    );
    let rest = within(server.read_to_end(&mut Vec::new())).await;
    assert_eq!(rest.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_silence() {
    let upstream = Upstream::bind().await;
    let gateway = start(&route(&upstream, "idle_timeout: 200ms")).await;
    let (_client, mut server) = upgraded(address(&gateway), &upstream).await;
    within(async { while server.write_all(&[0; 64 << 10]).await.is_ok() {} }).await;
}

#[tokio::test]
async fn the_answer_to_a_handshake_has_its_time() {
    let upstream = Upstream::bind().await;
    let gateway = start(&route(&upstream, "timeout: 50ms")).await;
    let mut client = Raw::connect(address(&gateway)).await;
    client.send(ASK).await;
    let _server = upstream.accept().await;
    let response = client.response().await;
    assert!(response.starts_with("HTTP/1.1 504 "), "{response}");
}

#[tokio::test]
async fn one_side_that_goes_takes_the_other_along() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let (client, mut server) = upgraded(address(&gateway), &upstream).await;
    drop(client);
    let rest = within(server.read_to_end(&mut Vec::new())).await;
    assert_eq!(rest.unwrap_or(0), 0);

    let (client, server) = upgraded(address(&gateway), &upstream).await;
    drop(server);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_shutdown_waits_for_what_ends_in_time() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let (mut client, mut server) = upgraded(address(&gateway), &upstream).await;
    let shutdown = tokio::spawn(gateway.shutdown());
    tokio::task::yield_now().await;
    client.send("last words").await;
    let mut words = [0; 10];
    within(server.read_exact(&mut words)).await.expect("them");
    server.write_all(b"bye").await.expect("a reader");
    drop(server);
    assert_eq!(client.rest().await, "bye");
    assert_eq!(within(shutdown).await.expect("no panic"), Drained::Complete);
}

#[tokio::test]
async fn a_shutdown_ends_what_does_not() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let (client, mut server) = upgraded(address(&gateway), &upstream).await;
    let drained = within(gateway.shutdown()).await;
    assert_eq!(drained, Drained::Complete, "in order, not by force");
    assert_eq!(client.rest().await, "");
    let rest = within(server.read_to_end(&mut Vec::new())).await;
    assert_eq!(rest.unwrap_or(0), 0);
}

#[tokio::test]
async fn the_log_and_the_counters_tell_of_it_at_its_end() {
    let upstream = Upstream::bind().await;
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("access.log");
    let gateway = start(&format!(
        "admin: {{address: '127.0.0.1:0'}}\naccess_log: {{path: '{}', fields: [status, bytes_in, bytes_out, complete]}}\n{}",
        log.display(),
        proxy_to(&[upstream.address()])
    ))
    .await;
    let metrics = async || {
        let admin = gateway.admin_address().expect("an admin listener");
        let ask = "GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
        Raw::exchange(admin, ask).await
    };
    let (mut client, mut server) = upgraded(address(&gateway), &upstream).await;
    client.send("four").await;
    within(server.read_exact(&mut [0; 4])).await.expect("them");
    let running = metrics().await;
    assert!(
        running.contains("loom_requests_in_flight{route=\"all\"} 1"),
        "{running}"
    );
    assert_eq!(std::fs::read_to_string(&log).unwrap_or_default(), "");
    server.write_all(b"longer").await.expect("a reader");
    drop(server);
    assert_eq!(client.rest().await, "longer");
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
    let line: serde_json::Value = serde_json::from_str(&line).expect("one line of JSON");
    let told = (
        &line["status"],
        &line["bytes_in"],
        &line["bytes_out"],
        &line["complete"],
    );
    assert_eq!(
        told,
        (&101.into(), &4.into(), &6.into(), &true.into()),
        "{line}"
    );
    let ended = metrics().await;
    assert!(
        ended.contains("loom_requests_in_flight{route=\"all\"} 0"),
        "{ended}"
    );
}

#[tokio::test]
async fn a_request_right_behind_it_is_no_request() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let mut client = Raw::connect(address(&gateway)).await;
    let behind = "GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n";
    client.send(format!("{ASK}{behind}")).await;
    let mut server = upstream.accept().await;
    let head = read_head(&mut server).await;
    assert!(head.starts_with("GET /talk "), "{head}");
    server.write_all(super::AGREE).await.expect("a reader");
    read_head(&mut client.0).await;
    // They are the first bytes of the new protocol now, and only the upstream's matter.
    assert_eq!(read_head(&mut server).await, behind);
}
