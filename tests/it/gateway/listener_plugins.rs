//! Plugins of a listener: for every request, before its route is chosen.

use std::net::SocketAddr;
use std::path::Path;

use super::support::{Raw, address, start};

/// A module whose `proxy_on_request_headers` is this. It may use `$mark`, which adds `x-seen: NAME`, `$go`, which sets the path
/// to the text at an address, `$again`, which has the route chosen anew, and `$refuse`, which answers 403.
fn module(folder: &Path, name: &str, body: &str) -> String {
    let length = name.len();
    let wat = format!(
        r#"(module
          (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_replace_header_map_value" (func $set (param i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_clear_route_cache" (func $clear (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 16) "x-seen")
          (data (i32.const 32) ":path")
          (data (i32.const 64) "{name}")
          (data (i32.const 128) "/public/..//b")
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
          (func $mark (drop (call $add (i32.const 0) (i32.const 16) (i32.const 6) (i32.const 64) (i32.const {length}))))
          (func $answered (drop (call $add (i32.const 2) (i32.const 16) (i32.const 6) (i32.const 64) (i32.const {length}))))
          (func $go (drop (call $set (i32.const 0) (i32.const 32) (i32.const 5) (i32.const 128) (i32.const 13))))
          (func $again (drop (call $clear)))
          (func $refuse (drop (call $reply (i32.const 403) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1))))
          (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (call $answered) (i32.const 0))
          (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {body} (i32.const 0)))"#
    );
    let path = folder.join(format!("{name}.wasm"));
    std::fs::write(&path, wat::parse_str(&wat).expect("valid")).expect("written");
    path.display().to_string()
}

async fn get(address: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    Raw::exchange(address, &request).await
}

/// The values of `x-seen` in a request as the echo upstream saw it.
fn seen(answer: &str) -> String {
    let (_, seen) = answer.split_once("\"x-seen\":[").unwrap_or(("", "]"));
    seen.split(']').next().unwrap_or_default().replace('"', "")
}

#[tokio::test]
async fn they_run_for_each_request_of_their_listener_by_priority_and_before_those_of_the_route() {
    let folder = tempfile::tempdir().expect("a folder");
    let marks = |name: &str| module(folder.path(), name, "(call $mark)");
    let gateway = start(&format!(
        "listeners:
  - {{name: web, address: '127.0.0.1:0', plugins: [a, {{set: s}}]}}
  - {{name: plain, address: '127.0.0.1:0'}}
plugins:
  - {{name: a, path: '{}'}}
  - {{name: b, path: '{}'}}
  - {{name: c, path: '{}', priority: 90}}
plugin_sets: {{s: [{{plugin: b, priority: 1}}]}}
defaults: {{plugins: [c]}}
routes: [{{id: a, path: /a, upstream: echo}}]
upstreams: [{{name: echo, builtin: echo}}]",
        marks("a"),
        marks("b"),
        marks("c")
    ))
    .await;
    let addresses = gateway.addresses();
    assert_eq!(seen(&get(addresses[0].1, "/a").await), "b,a,c");
    assert_eq!(seen(&get(addresses[1].1, "/a").await), "c");
    // The response passes them the other way round, one that the gateway made, too.
    let answer = get(addresses[0].1, "/nowhere").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(answer.contains("x-seen: a\r\nx-seen: b\r\n"), "{answer}");
    assert!(answer.contains("x-loom-error: no_route\r\n"), "{answer}");
}

#[tokio::test]
async fn what_they_write_into_the_path_is_normalised_and_routed() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(&format!(
        "listeners: [{{address: '127.0.0.1:0', plugins: [goes]}}]
plugins:
  - {{name: goes, path: '{}'}}
  - {{name: guard, path: '{}'}}
routes:
  - {{id: public, path: /public/*, upstream: echo}}
  - {{id: b, path: /b, plugins: [guard], upstream: echo}}
upstreams: [{{name: echo, builtin: echo}}]",
        module(folder.path(), "goes", "(call $go)"),
        module(folder.path(), "guard", "(call $mark)"),
    ))
    .await;
    let answer = get(address(&gateway), "/public/a").await;
    assert_eq!(seen(&answer), "guard", "{answer}");
    assert!(answer.contains(r#""path":"/b""#), "{answer}");
}

#[tokio::test]
async fn their_wish_for_another_route_ends_with_the_choice_of_the_first_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(&format!(
        "listeners: [{{address: '127.0.0.1:0', plugins: [asks]}}]
plugins:
  - {{name: asks, path: '{}'}}
  - {{name: goes, path: '{}'}}
routes:
  - {{id: a, path: /a, plugins: [goes], upstream: echo}}
  - {{id: b, path: /b, respond: 204}}
upstreams: [{{name: echo, builtin: echo}}]",
        module(folder.path(), "asks", "(call $again)"),
        // It imports the function and does not call it.
        module(folder.path(), "goes", "(call $go)"),
    ))
    .await;
    let answer = get(address(&gateway), "/a").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn they_may_answer_and_fail_as_on_a_route() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(&format!(
        "listeners:
  - {{name: refuses, address: '127.0.0.1:0', plugins: [refuses]}}
  - {{name: traps, address: '127.0.0.1:0', plugins: [traps]}}
  - {{name: open, address: '127.0.0.1:0', plugins: [{{plugin: traps, failure_policy: open}}]}}
plugins:
  - {{name: refuses, path: '{}'}}
  - {{name: traps, path: '{}'}}
routes: [{{id: a, path: /a, upstream: echo}}]
upstreams: [{{name: echo, builtin: echo}}]",
        module(folder.path(), "refuses", "(call $refuse)"),
        module(folder.path(), "traps", "unreachable"),
    ))
    .await;
    for ((name, address), (status, error)) in
        gateway
            .addresses()
            .into_iter()
            .zip([("403", false), ("503", true), ("200", false)])
    {
        let answer = get(address, "/a").await;
        assert_eq!(&answer[9..12], status, "{name}: {answer}");
        let says = answer.contains("x-loom-error: plugin_failed\r\n");
        assert_eq!(says, error, "{name}: {answer}");
    }
}
