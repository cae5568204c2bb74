//! Connections of load balancers that say whose they are.

use std::net::SocketAddr;

use loom_gateway::Running;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::admin::{ADMIN, admin, eventually};
use super::support::{Raw, address, start, within};
use crate::gateway::keys::shows;

shows! {
    ["listeners[].proxy_protocol"]: "from" => only_some_peers_send_the_header;
    ["listeners[].proxy_protocol"]: "timeout" or "1m" => a_connection_without_the_header_is_closed;
}

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
const V1: &str = "PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n";

/// Version 2, for 192.0.2.7.
fn v2(command: u8) -> Vec<u8> {
    let addresses = [192, 0, 2, 7, 192, 0, 2, 1, 0x12, 0x67, 0x01, 0xbb];
    let fixed = [command, 0x11, 0, 12];
    [b"\r\n\r\n\0\r\nQUIT\n", &fixed[..], &addresses].concat()
}

async fn gateway(proxy_protocol: &str) -> Running {
    start(&format!(
        "{ADMIN}listeners: [{{name: web, address: '127.0.0.1:0', proxy_protocol: {proxy_protocol}}}]
routes: [{{id: all, path: '/*', upstream: echo}}]
upstreams: [{{name: echo, builtin: echo}}]"
    ))
    .await
}

async fn exchange(gateway: SocketAddr, pieces: &[&[u8]]) -> String {
    let mut raw = Raw::connect(gateway).await;
    for piece in pieces {
        // The gateway may have closed it already.
        let _ = raw.0.write_all(piece).await;
    }
    raw.rest().await
}

fn client(answer: &str) -> &str {
    let (_, rest) = answer
        .split_once(r#""x-forwarded-for":[""#)
        .unwrap_or_else(|| panic!("{answer}"));
    rest.split('"').next().unwrap_or_default()
}

fn ended(code: &str) -> String {
    format!(r#"loom_connections_ended_total{{listener="web",code="{code}"}}"#)
}

#[tokio::test]
async fn the_header_says_who_the_client_is() {
    let gateway = gateway("true").await;
    let gateway = address(&gateway);
    for header in [V1.as_bytes(), &v2(0x21)] {
        let answer = exchange(gateway, &[&[header, GET.as_bytes()].concat()]).await;
        assert_eq!(client(&answer), "192.0.2.7");
        // In pieces, too.
        let (one, two) = header.split_at(9);
        let answer = exchange(gateway, &[one, two, GET.as_bytes()]).await;
        assert_eq!(client(&answer), "192.0.2.7");
    }
    // A load balancer that speaks for itself.
    for header in [b"PROXY UNKNOWN\r\n", &v2(0x20)[..]] {
        let answer = exchange(gateway, &[header, GET.as_bytes()]).await;
        assert_eq!(client(&answer), "127.0.0.1");
    }
}

#[tokio::test]
async fn a_connection_without_the_header_is_closed() {
    let gateway = gateway("{timeout: 50ms}").await;
    let mut garbage = 0.0;
    for beginning in [GET, "PROXY TCP4 a b c d\r\n", "\r\n\r\n\0\r\nQUIT\n\x41"] {
        let answer = exchange(address(&gateway), &[beginning.as_bytes(), GET.as_bytes()]).await;
        assert_eq!(answer, "", "{beginning:?}");
        garbage += 1.0;
    }
    for beginning in ["", &V1[..20]] {
        assert_eq!(
            exchange(address(&gateway), &[beginning.as_bytes()]).await,
            ""
        );
    }
    eventually(admin(&gateway), &ended("proxy_protocol"), garbage).await;
    eventually(admin(&gateway), &ended("proxy_protocol_timeout"), 2.0).await;
}

#[tokio::test]
async fn only_some_peers_send_the_header() {
    let load_balancer = gateway("{from: 127.0.0.0/8}").await;
    let answer = exchange(address(&load_balancer), &[GET.as_bytes()]).await;
    assert_eq!(answer, "");
    let answer = exchange(address(&load_balancer), &[V1.as_bytes(), GET.as_bytes()]).await;
    assert_eq!(client(&answer), "192.0.2.7");
    // Of anybody else the header is no header.
    let others = gateway("{from: 10.0.0.0/8}").await;
    let answer = exchange(address(&others), &[GET.as_bytes()]).await;
    assert_eq!(client(&answer), "127.0.0.1");
    let answer = exchange(address(&others), &[V1.as_bytes(), GET.as_bytes()]).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn trust_and_limits_go_by_the_address_in_the_header() {
    let gateway = start(
        "listeners:
  - name: web
    address: '127.0.0.1:0'
    proxy_protocol: true
    trusted_proxies: 192.0.2.7
    limits: {connections_per_address: 1}
routes: [{id: all, path: '/*', upstream: echo}]
upstreams: [{name: echo, builtin: echo}]",
    )
    .await;
    let mut first = Raw::connect(address(&gateway)).await;
    first.send(V1).await;
    first
        .send("GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 198.51.100.1\r\n\r\n")
        .await;
    let answer = first.response().await;
    assert_eq!(client(&answer), "198.51.100.1, 192.0.2.7");
    let answer = exchange(address(&gateway), &[V1.as_bytes(), GET.as_bytes()]).await;
    assert_eq!(answer, "", "the second connection of that client");
    let other = V1.replace("192.0.2.7", "192.0.2.8");
    let answer = exchange(address(&gateway), &[other.as_bytes(), GET.as_bytes()]).await;
    assert_eq!(client(&answer), "192.0.2.8");
}

#[tokio::test]
async fn a_unix_socket_takes_the_header_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("loom.sock");
    let _gateway = start(&format!(
        "listeners: [{{name: web, address: 'unix:{}', proxy_protocol: true}}]
routes: [{{id: all, path: '/*', upstream: echo}}]
upstreams: [{{name: echo, builtin: echo}}]",
        path.display()
    ))
    .await;
    for (header, wanted) in [(V1, true), ("PROXY UNKNOWN\r\n", false)] {
        let mut stream = UnixStream::connect(&path).await.expect("a listener");
        let all = [header, GET].concat();
        stream.write_all(all.as_bytes()).await.expect("a reader");
        let mut answer = String::new();
        let read = within(stream.read_to_string(&mut answer)).await;
        read.expect("an answer");
        let is_named = answer.contains(r#""x-forwarded-for":["192.0.2.7"]"#);
        assert_eq!(is_named, wanted, "{answer}");
    }
}
