//! Upstreams: which server a request goes to, and what happens when servers come and go.

pub(super) mod balancing;
pub(super) mod health;
pub(super) mod health_grpc;
pub(super) mod http2;
pub(super) mod limits;
pub(super) mod retries;
mod server;
pub(super) mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use loom_gateway::{EndpointHealth, Running};

use super::support::{Raw, Upstream, within};
use server::Server;

/// Servers that answer with their number, and their addresses.
async fn numbered(count: usize) -> Vec<SocketAddr> {
    const NUMBERS: [&str; 4] = ["0", "1", "2", "3"];
    let mut servers = Vec::new();
    for number in &NUMBERS[..count] {
        servers.push(Upstream::bind().await.say(number));
    }
    servers
}

/// The answer to a GET with these headers: its status and its body.
async fn answer(connection: &mut Raw, target: &str, headers: &str) -> (u16, String) {
    let request = format!("GET {target} HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
    connection.send(request).await;
    let response = connection.response().await;
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    let status = head[9..12].parse().expect("a status");
    (status, body.to_owned())
}

/// The body of the answer to a GET with these headers, which succeeds.
async fn get(connection: &mut Raw, target: &str, headers: &str) -> String {
    let (status, body) = answer(connection, target, headers).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// How often each body came.
async fn counts(connection: &mut Raw, requests: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..requests {
        *counts.entry(get(connection, "/", "").await).or_default() += 1;
    }
    counts
}

/// A route for everything to one upstream with these keys.
fn to(upstream: &str) -> String {
    format!("routes: [{{id: all, path: '/*', upstream: a}}]\nupstreams: [{{name: a, {upstream}}}]")
}

/// Waits until the health of the gateway's endpoints is like this.
async fn until(gateway: &Running, is_so: impl Fn(&[EndpointHealth]) -> bool) {
    within(async {
        loop {
            let endpoints = gateway.upstreams().remove(0).endpoints;
            let health: Vec<_> = endpoints
                .into_iter()
                .map(|endpoint| endpoint.health)
                .collect();
            if is_so(&health) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
