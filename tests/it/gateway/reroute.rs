//! Plugins that have a route chosen anew.

use std::net::SocketAddr;
use std::time::Duration;

use loom_gateway::Running;
use tempfile::TempDir;

use super::support::{Raw, Upstream, address, start};

/// Sets `:path` to `/other`, or to what is in the header `x-to`, and asks for another choice in this way; shows the names
/// of route and upstream in the response.
fn moves(asks: &str) -> String {
    format!(
        r#"(module
          (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_replace_header_map_value" (func $set (param i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_call_foreign_function" (func $foreign (param i32 i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_clear_route_cache" (func $clear (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 16) "x-to")
          (data (i32.const 32) ":path")
          (data (i32.const 48) "clear_route_cache")
          (data (i32.const 80) "route_name")
          (data (i32.const 96) "cluster_name")
          (data (i32.const 112) "x-seen")
          (func (export "proxy_abi_version_0_2_1"))
          (global $heap (mut i32) (i32.const 1024))
          (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
            (global.set $heap (i32.add (global.get $heap) (local.get $size)))
            (i32.sub (global.get $heap) (local.get $size)))
          (func $show (param $at i32) (param $len i32)
            (drop (call $property (local.get $at) (local.get $len) (i32.const 0) (i32.const 4)))
            (drop (call $add (i32.const 2) (i32.const 112) (i32.const 6) (i32.load (i32.const 0)) (i32.load (i32.const 4)))))
          (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $get (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0) (i32.const 4)))
            (drop (call $set (i32.const 0) (i32.const 32) (i32.const 5) (i32.load (i32.const 0)) (i32.load (i32.const 4))))
            {asks}
            i32.const 0)
          (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
            (call $show (i32.const 80) (i32.const 10))
            (call $show (i32.const 96) (i32.const 12))
            i32.const 0))"#
    )
}

const FUNCTION: &str = "(drop (call $clear))";
const FOREIGN: &str = "(drop (call $foreign (i32.const 48) (i32.const 17) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))";

/// `/first` passes the plugin and goes to `one`; `/second` would answer 403 by a plugin of its own, and goes to `two`.
async fn gateway(
    asks: &str,
    one: SocketAddr,
    two: SocketAddr,
    timeouts: [&str; 2],
) -> (Running, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, wat: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, wat::parse_str(wat).expect("valid")).expect("written");
        path.display().to_string()
    };
    let moves = write("moves.wasm", &moves(asks));
    let traps = write(
        "traps.wasm",
        r#"(module
          (memory (export "memory") 1)
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "malloc") (param i32) (result i32) i32.const 0)
          (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable))"#,
    );
    let [first, second] = timeouts;
    let gateway = start(&format!(
        "plugins:
  - {{name: moves, path: '{moves}'}}
  - {{name: traps, path: '{traps}'}}
routes:
  - {{id: first, path: /first, plugins: [moves], upstream: one{first}}}
  - {{id: second, path: /second, plugins: [traps], upstream: two{second}}}
upstreams:
  - {{name: one, endpoints: '{one}'}}
  - {{name: two, endpoints: '{two}'}}"
    ))
    .await;
    (gateway, folder)
}

async fn get(gateway: &Running, to: &str) -> String {
    let request =
        format!("GET /first HTTP/1.1\r\nhost: a\r\nx-to: {to}\r\nconnection: close\r\n\r\n");
    Raw::exchange(address(gateway), &request).await
}

fn seen(response: &str) -> Vec<&str> {
    let lines = response.lines();
    lines
        .filter_map(|line| line.strip_prefix("x-seen: "))
        .collect()
}

#[tokio::test]
async fn the_new_route_s_upstream_gets_the_request_and_its_plugins_do_not() {
    for asks in [FUNCTION, FOREIGN] {
        let (one, two) = (
            Upstream::bind().await.say("one"),
            Upstream::bind().await.say("two"),
        );
        let (gateway, _folder) = gateway(asks, one, two, ["", ""]).await;
        let moved = get(&gateway, "/second").await;
        assert!(
            moved.starts_with("HTTP/1.1 200") && moved.ends_with("two"),
            "{moved}"
        );
        assert_eq!(seen(&moved), ["second", "two"]);
        // The own route again: its plugin does not run once more.
        let stayed = get(&gateway, "/first").await;
        assert!(stayed.ends_with("one"), "{stayed}");
        assert_eq!(seen(&stayed), ["first", "one"]);
        // However the plugin spells it: what is a rule for a path is one for all its spellings.
        for spelling in [
            "//second",
            "/first/../second",
            "/%73econd",
            "/first/%2e%2e/second",
        ] {
            let moved = get(&gateway, spelling).await;
            assert_eq!(seen(&moved), ["second", "two"], "{spelling}");
        }
        let lost = get(&gateway, "/nowhere").await;
        assert!(lost.starts_with("HTTP/1.1 404"), "{lost}");
        // The traps are there.
        let direct = "GET /second HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let direct = Raw::exchange(address(&gateway), direct).await;
        assert!(direct.starts_with("HTTP/1.1 503"), "{direct}");
    }
}

#[tokio::test]
async fn a_write_alone_chooses_no_other_route() {
    let (one, two) = (
        Upstream::bind().await.say("one"),
        Upstream::bind().await.say("two"),
    );
    let (gateway, _folder) = gateway("", one, two, ["", ""]).await;
    let stayed = get(&gateway, "/second").await;
    assert!(stayed.ends_with("one"), "{stayed}");
    assert_eq!(seen(&stayed), ["first", "one"]);
}

#[tokio::test]
async fn the_new_route_s_timeout_counts() {
    // They take connections and never answer.
    let (one, two) = (Upstream::bind().await, Upstream::bind().await);
    let ends = |timeouts| gateway(FUNCTION, one.address(), two.address(), timeouts);
    let (gateway, _folder) = ends([", timeout: 1h", ", timeout: 50ms"]).await;
    let response = get(&gateway, "/second").await;
    assert!(response.starts_with("HTTP/1.1 504"), "{response}");
    let (gateway, _folder) = ends(["", ", timeout: 50ms"]).await;
    let response = get(&gateway, "/second").await;
    assert!(response.starts_with("HTTP/1.1 504"), "{response}");
    // The old one does not count any more.
    let (gateway, _folder) = ends([", timeout: 50ms", ""]).await;
    let waiting = tokio::time::timeout(Duration::from_millis(500), get(&gateway, "/second")).await;
    assert!(waiting.is_err(), "{waiting:?}");
}

#[tokio::test]
async fn the_new_route_s_changes_and_parameters_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("moves.wasm");
    std::fs::write(&path, wat::parse_str(moves(FUNCTION)).expect("valid")).expect("written");
    let gateway = start(&format!(
        "plugins: [{{name: moves, path: '{}'}}]
routes:
  - {{id: first, path: '/{{id}}', plugins: [moves], rewrite: '/of-first/{{id}}', upstream: echo}}
  - id: second
    path: /other/{{name}}
    rewrite: /of-second/{{name}}
    response_headers: {{set: {{x-seen: second}}}}
    upstream: echo
upstreams: [{{name: echo, builtin: echo}}]",
        path.display(),
    ))
    .await;
    let moved = get(&gateway, "/other/there").await;
    assert!(moved.contains(r#""path":"/of-second/there""#), "{moved}");
    assert_eq!(seen(&moved), ["second", "second", "echo"]);
    let stayed = get(&gateway, "/here").await;
    assert!(stayed.contains(r#""path":"/of-first/here""#), "{stayed}");
    assert_eq!(seen(&stayed), ["first", "echo"]);
}

#[tokio::test]
async fn the_upstream_that_a_split_chose_is_known_with_the_response() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("moves.wasm");
    std::fs::write(&path, wat::parse_str(moves("")).expect("valid")).expect("written");
    let gateway = start(&format!(
        "plugins: [{{name: moves, path: '{}'}}]
routes: [{{id: all, path: /*, plugins: [moves], split: [{{upstream: echo, weight: 1}}]}}]
upstreams: [{{name: echo, builtin: echo}}]",
        path.display(),
    ))
    .await;
    assert_eq!(seen(&get(&gateway, "/first").await), ["all", "echo"]);
}
