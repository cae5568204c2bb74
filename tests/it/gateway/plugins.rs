//! Plugins on routes.

use std::path::{Path, PathBuf};

use http::Request;
use http_body_util::Empty;
use hyper::body::Bytes;

use super::support::{Loom, Raw, Upstream, address, http1, http2, start, text, within};
use crate::built::add_header;
use crate::gateway::keys::shows;

shows! {
    [""]: "plugin_sets" or "{s: [b]}" => sets_and_defaults_stand_among_a_route_s_own_plugins;
    ["plugins[]"]: "path" or "nowhere.wasm" => the_header_plugin_changes_both_sides_of_an_exchange;
    ["plugins[]"]: "priority" => plugins_run_by_priority_and_then_in_the_order_of_the_list;
    ["plugins[]"]: "config" => a_route_s_own_configuration_replaces_the_plugin_s;
    ["plugins[]"]: "failure_policy" => a_plugin_that_fails_is_answered_by_its_policy_and_other_routes_go_on;
    ["plugins[]"]: "phase" => a_phase_leaves_out_the_callbacks_before_it;
    ["plugins[]"]: "log_level" => lines_of_a_plugin_pass_at_its_own_level;
    ["defaults"]: "timeout" => sets_and_defaults_stand_among_a_route_s_own_plugins;
    ["routes[]"]: "inherit_plugins" => sets_and_defaults_stand_among_a_route_s_own_plugins;
}

/// Writes a plugin whose `proxy_on_request_headers` is this; it may use `$add`, which adds a request header.
pub(super) fn guest(folder: &Path, name: &str, body: &str) -> PathBuf {
    let wat = format!(
        r#"(module
          (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_get_buffer_bytes" (func $get (param i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 16) "x-order")
          (data (i32.const 32) "{name}")
          (func (export "proxy_abi_version_0_2_1"))
          (global $heap (mut i32) (i32.const 1024))
          (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
            (global.set $heap (i32.add (global.get $heap) (local.get $size)))
            (i32.sub (global.get $heap) (local.get $size)))
          ;; Where a root context's configuration is stands at 256 + 8 * its id, and $of is that place for the last stream.
          (global $of (mut i32) (i32.const 256))
          (func $place (param $root i32) (result i32)
            (i32.add (i32.const 256) (i32.mul (local.get $root) (i32.const 8))))
          (func (export "proxy_on_context_create") (param $id i32) (param $root i32)
            (global.set $of (call $place (local.get $root))))
          (func (export "proxy_on_configure") (param $root i32) (param $size i32) (result i32)
            (drop (call $get (i32.const 7) (i32.const 0) (local.get $size)
              (call $place (local.get $root)) (i32.add (call $place (local.get $root)) (i32.const 4))))
            i32.const 1)
          (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            {body}
            i32.const 0)
          ;; In the other direction it adds x-order: NAME, and says so at the level debug.
          (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
            (drop (call $add (i32.const 2) (i32.const 16) (i32.const 7) (i32.const 32) (i32.const {length})))
            (drop (call $log (i32.const 1) (i32.const 16) (i32.const 7)))
            i32.const 0))"#,
        length = name.len()
    );
    let path = folder.join(format!("{name}.wasm"));
    std::fs::write(&path, wat::parse_str(&wat).expect("valid")).expect("written");
    path
}

/// Adds `x-order: NAME`.
pub(super) fn order(name: &str) -> String {
    format!(
        "(drop (call $add (i32.const 0) (i32.const 16) (i32.const 7) (i32.const 32) (i32.const {})))",
        name.len()
    )
}

/// Adds `x-order: CONFIGURATION`.
pub(super) const CONFIGURATION: &str = "(drop (call $add (i32.const 0) (i32.const 16) (i32.const 7)
    (i32.load (global.get $of)) (i32.load offset=4 (global.get $of))))";

/// The values of `x-order` as the echo upstream saw them.
pub(super) async fn order_of(gateway: std::net::SocketAddr, path: &str) -> String {
    let answer = Raw::exchange(
        gateway,
        &format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
    )
    .await;
    let (_, seen) = answer.split_once("\"x-order\":[").unwrap_or(("", "]"));
    seen.split(']').next().unwrap_or_default().replace('"', "")
}

#[tokio::test]
async fn the_header_plugin_changes_both_sides_of_an_exchange() {
    let gateway = start(&format!(
        "plugins: [{{name: add-header, path: '{}'}}]
routes: [{{id: all, path: '/*', plugins: [add-header], upstream: echo}}]
upstreams: [{{name: echo, builtin: echo}}]",
        add_header().display()
    ))
    .await;
    let address = address(&gateway);
    let one = Request::get("/api/test").header("host", "a");
    let one = one.body(Empty::<Bytes>::new()).expect("a request");
    let two = Request::get("http://a/api/test");
    let two = two.body(Empty::<Bytes>::new()).expect("a request");
    let responses = [
        within(http1(address).await.send_request(one)).await,
        within(http2(address).await.send_request(two)).await,
    ];
    for response in responses {
        let response = response.expect("a response");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["x-gateway"], "Loom");
        let seen = text(response).await;
        assert!(seen.contains(r#""x-processed-by":["Loom"]"#), "{seen}");
    }
}

#[tokio::test]
async fn plugins_run_by_priority_and_then_in_the_order_of_the_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| guest(folder.path(), name, &order(name));
    let gateway = start(&format!(
        "plugins:
  - {{name: a, path: '{}'}}
  - {{name: b, path: '{}', priority: 10}}
  - {{name: c, path: '{}', priority: -1}}
  - {{name: d, path: '{}'}}
routes: [{{id: all, path: '/*', plugins: [c, d, a, b], upstream: echo}}]
upstreams: [{{name: echo, builtin: echo}}]",
        path("a").display(),
        path("b").display(),
        path("c").display(),
        path("d").display()
    ))
    .await;
    assert_eq!(order_of(address(&gateway), "/").await, "b,d,a,c");
}

#[tokio::test]
async fn a_phase_leaves_out_the_callbacks_before_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(&format!(
        "plugins: [{{name: late, path: '{}', phase: on_response_headers}}]
routes: [{{id: all, path: '/*', plugins: [late], upstream: echo}}]
upstreams: [{{name: echo, builtin: echo}}]",
        guest(folder.path(), "late", &order("late")).display()
    ))
    .await;
    let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = Raw::exchange(address(&gateway), request).await;
    let (head, seen) = answer.split_once("\r\n\r\n").expect("a body");
    assert!(head.contains("x-order: late"), "{answer}");
    assert!(!seen.contains("x-order"), "{answer}");
}

#[tokio::test]
async fn lines_of_a_plugin_pass_at_its_own_level() {
    let folder = tempfile::tempdir().expect("a folder");
    guest(folder.path(), "talks", "");
    let yaml = "listeners: [{name: web, address: '127.0.0.1:0'}]
plugins: [{name: talks, path: talks.wasm, log_level: debug}]
routes: [{id: all, path: '/*', plugins: [talks], upstream: echo}]
upstreams: [{name: echo, builtin: echo}]";
    std::fs::write(folder.path().join("loom.yaml"), yaml).expect("written");
    let mut loom = Loom::start(folder.path(), &[]);
    let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    Raw::exchange(loom.address().await, request).await;
    let line = loom.line("x-order").await;
    assert!(line.contains("DEBUG"), "{line}");
}

#[tokio::test]
async fn sets_and_defaults_stand_among_a_route_s_own_plugins() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| guest(folder.path(), name, &order(name));
    // It takes connections and never answers.
    let silent = Upstream::bind().await;
    let gateway = start(&format!(
        "plugins:
  - {{name: a, path: '{}'}}
  - {{name: b, path: '{}', priority: 10}}
  - {{name: c, path: '{}'}}
plugin_sets: {{s: [b, {{plugin: c, priority: 20}}]}}
defaults: {{plugins: [a], timeout: 50ms}}
routes:
  - {{id: inherits, path: /inherits, upstream: echo}}
  - {{id: set, path: /set, plugins: [{{set: s}}], upstream: echo}}
  - {{id: own, path: /own, inherit_plugins: false, plugins: [c, {{plugin: b, priority: -1}}], upstream: echo}}
  - {{id: silent, path: /silent, upstream: silent}}
upstreams: [{{name: echo, builtin: echo}}, {{name: silent, endpoints: '{}'}}]",
        path("a").display(),
        path("b").display(),
        path("c").display(),
        silent.address(),
    ))
    .await;
    let address = address(&gateway);
    for (path, order) in [("/inherits", "a"), ("/set", "c,b,a"), ("/own", "c,b")] {
        assert_eq!(order_of(address, path).await, order, "{path}");
    }
    let request = "GET /silent HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let response = Raw::exchange(address, request).await;
    assert!(response.starts_with("HTTP/1.1 504 "), "{response}");
}

#[tokio::test]
async fn a_route_s_own_configuration_replaces_the_plugin_s() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(&format!(
        "plugins: [{{name: p, path: '{}', config: {{of: plugin, list: [1, true]}}}}]
routes:
  - {{id: a, path: /a, plugins: [p], upstream: echo}}
  - {{id: b, path: /b, plugins: [{{plugin: p, config: of the route}}], upstream: echo}}
upstreams: [{{name: echo, builtin: echo}}]",
        guest(folder.path(), "p", CONFIGURATION).display()
    ))
    .await;
    let address = address(&gateway);
    assert_eq!(order_of(address, "/b").await, "of the route");
    let of_plugin = order_of(address, "/a").await;
    assert!(
        of_plugin.starts_with(r"{\of\:\plugin\,\list\:[1,true"),
        "{of_plugin}"
    );
}

#[tokio::test]
async fn a_plugin_that_fails_is_answered_by_its_policy_and_other_routes_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let traps = guest(folder.path(), "traps", "unreachable");
    let loops = guest(folder.path(), "loops", "(loop $for_ever (br $for_ever))");
    let gateway = start(&format!(
        "plugins:
  - {{name: closed, path: '{0}'}}
  - {{name: open, path: '{0}', failure_policy: open}}
  - {{name: loops, path: '{1}', timeout: 50ms}}
routes:
  - {{id: closed, path: /closed, plugins: [closed], upstream: echo}}
  - {{id: open, path: /open, plugins: [open], upstream: echo}}
  - {{id: loops, path: /loops, plugins: [loops], upstream: echo}}
  - {{id: good, path: /good, upstream: echo}}
upstreams: [{{name: echo, builtin: echo}}]",
        traps.display(),
        loops.display()
    ))
    .await;
    let address = address(&gateway);
    let status = |path: &'static str| async move {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        Raw::exchange(address, &request).await[9..12].to_owned()
    };
    for _ in 0..5 {
        let (closed, open, loops, good) = tokio::join!(
            status("/closed"),
            status("/open"),
            status("/loops"),
            status("/good")
        );
        assert_eq!([closed, open, loops, good], ["503", "200", "503", "200"]);
    }
}
