//! Which plugins a reload keeps, and which it starts anew.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use loom_gateway::Running;

use super::super::support::{Raw, Upstream, address, start, within};
use super::config;

/// Writes a plugin that adds the request header `x-count`: this letter, and how often the VM was asked before.
pub(super) fn counter(folder: &Path, file: &str, letter: char) -> PathBuf {
    let path = folder.join(format!("{file}.wasm"));
    std::fs::write(&path, module(letter)).expect("written");
    path
}

pub(super) fn module(letter: char) -> Vec<u8> {
    let wat = format!(
        r#"(module
          (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 16) "x-count")
          (data (i32.const 32) "{letter}0")
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
          (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
          (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $add (i32.const 0) (i32.const 16) (i32.const 7) (i32.const 32) (i32.const 2)))
            (i32.store8 (i32.const 33) (i32.add (i32.load8_u (i32.const 33)) (i32.const 1)))
            i32.const 0))"#
    );
    wat::parse_str(&wat).expect("valid")
}

/// One route for all, through this plugin in one VM.
pub(super) fn through(plugin: &Path, more: &str) -> String {
    format!(
        "plugins: [{{name: count, path: '{}', instances: 1{more}}}]
routes: [{{id: all, path: '/*', plugins: [count], upstream: echo}}]
upstreams: [{{name: echo, builtin: echo}}]\n",
        plugin.display()
    )
}

/// What the plugin said about one request.
pub(super) async fn count(gateway: SocketAddr) -> String {
    let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = Raw::exchange(gateway, request).await;
    let seen = answer.split_once("\"x-count\":[\"").unwrap_or(("", "\"")).1;
    seen.split('"').next().unwrap_or_default().to_owned()
}

/// Waits until this many VMs are left.
async fn until_vms(gateway: &Running, number: usize) {
    within(async {
        while gateway.vms() != number {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_plugin_that_stays_keeps_its_vms_and_what_they_remember() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugin = counter(folder.path(), "count", 'a');
    let gateway = start(&through(&plugin, "")).await;
    let at = address(&gateway);
    assert_eq!(count(at).await, "a0");

    // Its place among others and everything around it is not it.
    let upstream = Upstream::bind().await;
    let around = through(&plugin, ", priority: 7").replace(
        "upstreams: [",
        &format!(
            "upstreams: [{{name: more, endpoints: '{}'}}, ",
            upstream.address()
        ),
    );
    let reloaded = gateway.reload(config(&around)).await.expect("valid");
    assert_eq!(reloaded.plugins, (1, 0));
    assert_eq!(count(at).await, "a1");

    // A change of the plugin's own settings is a new one.
    let other = through(&plugin, ", memory_limit: 16MB");
    let reloaded = gateway.reload(config(&other)).await.expect("valid");
    assert_eq!(reloaded.plugins, (0, 1));
    assert_eq!(count(at).await, "a0");
    until_vms(&gateway, 1).await;
}

#[tokio::test]
async fn a_file_that_changed_is_another_plugin_and_the_old_vms_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugin = counter(folder.path(), "count", 'a');
    let yaml = through(&plugin, "");
    let gateway = start(&yaml).await;
    let at = address(&gateway);
    assert_eq!(count(at).await, "a0");
    for letter in ['b', 'c', 'd'] {
        counter(folder.path(), "count", letter);
        let reloaded = gateway.reload(config(&yaml)).await.expect("valid");
        assert_eq!(reloaded.plugins, (0, 1));
        assert_eq!(count(at).await, format!("{letter}0"));
        until_vms(&gateway, 1).await;
    }
    // The same bytes under a new time are the same plugin.
    counter(folder.path(), "count", 'd');
    let reloaded = gateway.reload(config(&yaml)).await.expect("valid");
    assert_eq!(reloaded.plugins, (1, 0));
    assert_eq!(count(at).await, "d1");
    gateway.reload(config("routes: []")).await.expect("valid");
    until_vms(&gateway, 0).await;
}

#[tokio::test]
async fn all_plugins_that_do_not_load_are_named_and_the_old_ones_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugin = counter(folder.path(), "count", 'a');
    let yaml = through(&plugin, "");
    let gateway = start(&yaml).await;
    let at = address(&gateway);
    assert_eq!(count(at).await, "a0");
    std::fs::write(&plugin, "this is no module").expect("written");
    let more = yaml.replace("plugins: [{", "plugins: [{name: gone, path: gone.wasm}, {");
    let error = gateway.reload(config(&more)).await.expect_err("faults");
    let text = error.to_string();
    assert!(
        text.contains("`gone`") && text.contains("`count`"),
        "{text}"
    );
    assert_eq!(count(at).await, "a1");
    // It was a fault for everybody who looks.
    assert_eq!(gateway.reloader().stats().failed, 1);
    until_vms(&gateway, 1).await;
}

#[tokio::test]
async fn a_route_s_own_configuration_of_a_plugin_is_kept_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugin = counter(folder.path(), "count", 'a');
    let yaml = |config: &str| {
        through(&plugin, "").replace(
            "plugins: [count]",
            &format!("plugins: [{{plugin: count, config: {config}}}]"),
        )
    };
    let gateway = start(&yaml("x")).await;
    let at = address(&gateway);
    assert_eq!(count(at).await, "a0");
    for (config_of_route, expected) in [("x", "a1"), ("y", "a2"), ("x", "a3")] {
        gateway
            .reload(config(&yaml(config_of_route)))
            .await
            .expect("valid");
        assert_eq!(count(at).await, expected);
    }
}

/// A plugin that stays calls an upstream by its name: it reaches what the name means now.
#[tokio::test]
async fn a_plugin_that_stays_calls_the_upstreams_of_the_new_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("call.wasm");
    // Calls `auth` at each request, and lets it go on at once.
    let wat = r#"(module
      (import "env" "proxy_http_call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 16) "auth")
      (data (i32.const 64) "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\01\00\00\00\0a\00\00\00\01\00\00\00:method\00GET\00:path\00/\00:authority\00a\00")
      (func (export "proxy_abi_version_0_2_1"))
      (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $call (i32.const 16) (i32.const 4) (i32.const 64) (i32.const 61)
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 512)))
        i32.const 0))"#;
    std::fs::write(&path, wat::parse_str(wat).expect("valid")).expect("written");
    let yaml = |upstreams: &str| {
        format!(
            "plugins: [{{name: call, path: '{}', instances: 1}}]
routes: [{{id: all, path: '/*', plugins: [call], upstream: echo}}]
upstreams: [{{name: echo, builtin: echo}}{upstreams}]\n",
            path.display()
        )
    };
    let gateway = start(&yaml("")).await;
    // Nobody has this name yet: the request goes on all the same.
    count(address(&gateway)).await;
    for _ in 0..2 {
        let auth = Upstream::bind().await;
        let named = format!(", {{name: auth, endpoints: '{}'}}", auth.address());
        let reloaded = gateway.reload(config(&yaml(&named))).await.expect("valid");
        assert_eq!(reloaded.plugins, (1, 0));
        let called = tokio::spawn(auth.capture());
        count(address(&gateway)).await;
        let head = within(called).await.expect("a call");
        assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
    }
}
