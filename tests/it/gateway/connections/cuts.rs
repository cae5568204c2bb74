//! Responses that had begun and did not reach their end.

use loom_gateway::Running;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::super::admin::{ADMIN, admin, eventually, metrics};
use super::super::support::{Raw, Upstream, address, read_head, start};
use super::cut;

/// A gateway with a route of these limits, and the upstream.
async fn gateway(limits: &str) -> (Running, Upstream) {
    let upstream = Upstream::bind().await;
    let gateway = start(&format!(
        "{ADMIN}listeners: [{{name: web, address: '127.0.0.1:0'}}]
routes: [{{id: all, path: '/*', upstream: a{limits}}}]
upstreams: [{{name: a, endpoints: ['{}']}}]",
        upstream.address()
    ))
    .await;
    (gateway, upstream)
}

/// A client with one byte of two, and the server that owes the other one.
async fn begun(gateway: &Running, upstream: &Upstream) -> (Raw, TcpStream) {
    let mut client = Raw::connect(address(gateway)).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut server = upstream.accept().await;
    read_head(&mut server).await;
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no";
    server.write_all(answer).await.expect("a reader");
    client.until("\r\n\r\no").await;
    (client, server)
}

/// How many were cut, for whatever reason.
async fn all(gateway: &Running) -> f64 {
    let series = metrics(admin(gateway)).await;
    let cut = series
        .iter()
        .filter(|(name, _)| name.starts_with("loom_responses_cut_total"));
    cut.map(|(_, count)| count).sum()
}

#[tokio::test]
async fn they_are_counted_by_their_cause() {
    for (limits, code) in [
        (", timeout: 200ms", "route_timeout"),
        (", idle_timeout: 200ms", "idle_timeout"),
    ] {
        let (gateway, upstream) = gateway(limits).await;
        let (client, _server) = begun(&gateway, &upstream).await;
        assert_eq!(client.rest().await, "");
        eventually(admin(&gateway), &cut(code), 1.0).await;
        assert!((all(&gateway).await - 1.0).abs() < 1e-9, "{code}");
    }
    let (gateway, upstream) = gateway("").await;
    let (client, server) = begun(&gateway, &upstream).await;
    drop(server);
    assert_eq!(client.rest().await, "");
    eventually(admin(&gateway), &cut("response_body"), 1.0).await;
    assert!((all(&gateway).await - 1.0).abs() < 1e-9);
}

#[tokio::test]
async fn those_that_are_whole_or_left_by_their_client_are_not() {
    let (gateway, upstream) = gateway("").await;
    let (mut client, mut server) = begun(&gateway, &upstream).await;
    server.write_all(b"k").await.expect("a reader");
    client.until("k").await;
    drop((client, server));
    let (client, _server) = begun(&gateway, &upstream).await;
    drop(client);
    let count = r#"loom_requests_in_flight{route="all"}"#;
    eventually(admin(&gateway), count, 0.0).await;
    assert!(all(&gateway).await.abs() < 1e-9);
}
