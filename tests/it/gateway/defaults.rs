//! What `defaults` say, and routes that say otherwise.

use std::net::SocketAddr;

use super::support::{Raw, Upstream, address, refused_address, start};
use crate::gateway::keys::shows;

shows! {
    ["defaults"]: "idle_timeout" => defaults_of_headers_and_times_hold_until_a_route_says_otherwise;
    ["defaults.host_header"]: "set" or "other" => defaults_of_headers_and_times_hold_until_a_route_says_otherwise;
}

async fn get(address: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    Raw::exchange(address, &request).await
}

#[tokio::test]
async fn a_default_of_retry_holds_until_a_route_says_otherwise() {
    let well = Upstream::bind().await.say("hello");
    let gateway = start(&format!(
        "defaults: {{retry: {{attempts: 2, back_off: 0s}}}}
routes:
  - {{id: all, path: '/*', upstream: a}}
  - {{id: shared, path: /shared, split: [{{upstream: a, weight: 1}}]}}
  - {{id: own, path: /own, upstream: b, retry: {{attempts: 1}}}}
  - {{id: none, path: /none, respond: 204}}
upstreams:
  - {{name: a, endpoints: ['{0}', '{well}']}}
  - {{name: b, endpoints: ['{0}', '{well}']}}",
        refused_address().await
    ))
    .await;
    let address = address(&gateway);
    for path in ["/a", "/shared", "/b", "/shared"] {
        let answer = get(address, path).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }
    let mut own = Vec::new();
    for _ in 0..2 {
        own.push(get(address, "/own").await[9..12].to_owned());
    }
    assert_eq!(own, ["502", "200"]);
    assert!(get(address, "/none").await.starts_with("HTTP/1.1 204 "));
}

#[tokio::test]
async fn defaults_of_headers_and_times_hold_until_a_route_says_otherwise() {
    // It takes connections and never answers.
    let silent = Upstream::bind().await;
    let gateway = start(&format!(
        "defaults:
  idle_timeout: 50ms
  host_header: {{set: inside.example}}
  request_headers: {{set: {{x-all: '1'}}}}
  response_headers: {{set: {{x-by: defaults}}}}
routes:
  - {{id: all, path: '/*', upstream: echo}}
  - {{id: own, path: /own, upstream: echo, host_header: preserve, request_headers: {{set: {{x-own: '2'}}}}, response_headers: {{set: {{x-by: route}}}}}}
  - {{id: answers, path: /answers, respond: 200}}
  - {{id: silent, path: /silent, upstream: silent}}
upstreams: [{{name: echo, builtin: echo}}, {{name: silent, endpoints: ['{}']}}]",
        silent.address()
    ))
    .await;
    let address = address(&gateway);
    for (path, has, has_not) in [
        (
            "/a",
            &["inside.example", r#""x-all":["1"]"#, "x-by: defaults\r\n"][..],
            &["x-own"][..],
        ),
        (
            "/own",
            &[r#""host":["a"]"#, r#""x-own":["2"]"#, "x-by: route\r\n"],
            &["x-all", "x-by: defaults"],
        ),
        ("/answers", &["x-by: defaults\r\n"], &[]),
        (
            "/silent",
            &["HTTP/1.1 504 ", "x-loom-error: idle_timeout"],
            &[],
        ),
    ] {
        let answer = get(address, path).await;
        for text in has {
            assert!(answer.contains(text), "{path} has no {text}: {answer}");
        }
        for text in has_not {
            assert!(!answer.contains(text), "{path} has {text}: {answer}");
        }
    }
}
