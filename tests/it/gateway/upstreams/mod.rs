//! Upstreams: which server a request goes to, and what happens when servers come and go.

mod balancing;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::support::{Raw, Upstream};

/// Servers that answer with their number, and their addresses.
async fn numbered(count: usize) -> Vec<SocketAddr> {
    const NUMBERS: [&str; 4] = ["0", "1", "2", "3"];
    let mut servers = Vec::new();
    for number in &NUMBERS[..count] {
        servers.push(Upstream::bind().await.say(number));
    }
    servers
}

/// The body of the answer to a GET with these headers.
async fn get(connection: &mut Raw, target: &str, headers: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
    connection.send(request).await;
    let response = connection.response().await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    let (_, body) = response.split_once("\r\n\r\n").expect("a head");
    body.to_owned()
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
