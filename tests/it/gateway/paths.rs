//! The one spelling of a path: what a listener's `normalize_path` makes of it.

use std::net::SocketAddr;

use super::support::{Raw, start};
use crate::gateway::keys::shows;

shows! {
    ["listeners[].normalize_path"]: "dot_segments", "escaped_slashes", "merge_slashes" => each_listener_has_its_rules;
}

async fn get(address: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    Raw::exchange(address, &request).await
}

/// The path that the upstream saw.
fn seen(answer: &str) -> &str {
    let (_, path) = answer.split_once("\"path\":\"").unwrap_or(("", "\""));
    path.split('"').next().unwrap_or_default()
}

#[tokio::test]
async fn each_listener_has_its_rules() {
    let gateway = start(
        "listeners:
  - {name: plain, address: '127.0.0.1:0'}
  - {name: keeps, address: '127.0.0.1:0', normalize_path: {merge_slashes: false}}
  - {name: unescapes, address: '127.0.0.1:0', normalize_path: {escaped_slashes: unescape}}
  - {name: redirects, address: '127.0.0.1:0', normalize_path: {escaped_slashes: redirect}}
  - {name: refuses, address: '127.0.0.1:0', normalize_path: {escaped_slashes: reject, dot_segments: reject}}
routes:
  - {id: closed, path: /closed/*, respond: 403}
  - {id: all, path: /*, upstream: echo}
upstreams: [{name: echo, builtin: echo}]",
    )
    .await;
    let listeners = gateway.addresses();
    let of = |name: &str| {
        let mut all = listeners.iter();
        all.find(|(known, _)| known == name).expect("a listener").1
    };
    for (listener, path, upstream) in [
        ("plain", "/a//b/./%63%2Fd", "/a/b/c%2Fd"),
        ("keeps", "/a//b/./%63%2Fd", "/a//b/c%2Fd"),
        ("unescapes", "/a//b/./%63%2Fd", "/a/b/c/d"),
        ("refuses", "/a//b/%63", "/a/b/c"),
    ] {
        let answer = get(of(listener), path).await;
        assert_eq!(seen(&answer), upstream, "{listener}: {answer}");
    }
    for (listener, path, status) in [
        ("plain", "/x/../closed/a", "403"),
        ("plain", "//closed", "403"),
        ("unescapes", "/x%2F..%2fclosed%5ca", "403"),
        ("redirects", "/x/..//closed/a", "403"),
        ("refuses", "/x%2Fa", "400"),
        ("refuses", "/x/../a", "400"),
    ] {
        let answer = get(of(listener), path).await;
        assert_eq!(&answer[9..12], status, "{listener} {path}: {answer}");
        let refused = answer.contains("x-loom-error: path_refused\r\n");
        assert_eq!(refused, status == "400", "{listener} {path}: {answer}");
    }
    let answer = get(of("redirects"), "/x%2F..%2F%2Fa?b=%2F").await;
    assert!(answer.starts_with("HTTP/1.1 307 "), "{answer}");
    assert!(answer.contains("location: /a?b=%2F\r\n"), "{answer}");
}

#[tokio::test]
async fn the_path_that_was_routed_is_what_the_upstream_gets_after_the_route_s_changes() {
    let gateway = start(
        "routes:
  - {id: strip, path: /api/*, strip_prefix: /api, upstream: echo}
  - {id: user, path: '/users/{id}', rewrite: '/v2/{id}', upstream: echo}
upstreams: [{name: echo, builtin: echo}]",
    )
    .await;
    let address = gateway.addresses()[0].1;
    for (path, upstream) in [
        ("/x/..//%61pi//y?q=//", "/y?q=//"),
        ("/users/./4%2F2", "/v2/4%2F2"),
    ] {
        let answer = get(address, path).await;
        assert_eq!(seen(&answer), upstream, "{path}: {answer}");
    }
}
