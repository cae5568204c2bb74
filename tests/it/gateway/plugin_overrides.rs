//! What a plugin is told to do differently on one route.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::support::{Raw, address, start, within};
use crate::gateway::keys::shows;
use crate::layer::zoo::wasm;

shows! {
    ["plugins[]"]: "timeout" => time_and_policy_hold_for_one_route_in_the_same_vms;
}

/// Writes a module and gives its path.
fn module(folder: &Path, name: &str, wasm: &[u8]) -> PathBuf {
    let path = folder.join(format!("{name}.wasm"));
    std::fs::write(&path, wasm).expect("written");
    path
}

async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nx-phase: b\r\nconnection: close\r\n\r\n"
    );
    Raw::exchange(address, &request).await
}

/// Computes for far longer than a tick of the clock that ends calls, and ends.
pub(super) const WORKS: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $left i32)
    (local.set $left (i32.const 200000000))
    (loop $more
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $more (local.get $left)))
    (i32.const 0)))"#;

#[tokio::test]
async fn time_and_policy_hold_for_one_route_in_the_same_vms() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(&format!(
        "plugins: [{{name: works, path: '{}', timeout: 1ms}}]
routes:
  - {{id: own, path: /own, plugins: [works], upstream: echo}}
  - {{id: longer, path: /longer, plugins: [{{plugin: works, timeout: 1m}}], upstream: echo}}
  - {{id: open, path: /open, plugins: [{{plugin: works, failure_policy: open}}], upstream: echo}}
upstreams: [{{name: echo, builtin: echo}}]",
        module(
            folder.path(),
            "works",
            &wat::parse_str(WORKS).expect("valid")
        )
        .display()
    ))
    .await;
    assert_eq!(gateway.vms(), 1);
    let address = address(&gateway);
    // In this order: what fails leaves the others without a VM for a moment.
    for (path, status) in [("/longer", "200"), ("/open", "200"), ("/own", "503")] {
        let answer = get(address, path).await;
        assert_eq!(&answer[9..12], status, "{path}: {answer}");
    }
}

#[tokio::test]
async fn an_id_names_the_plugin_of_one_route_wherever_it_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("access.log");
    let gateway = start(&format!(
        "admin: {{address: '127.0.0.1:0'}}
access_log: {{path: '{}'}}
plugins: [{{name: refuses, path: '{}'}}]
plugin_sets: {{s: [{{plugin: refuses, id: refuses-here}}]}}
routes:
  - {{id: own, path: /own, plugins: [refuses], upstream: echo}}
  - {{id: here, path: /here, plugins: [{{set: s}}], upstream: echo}}
  - {{id: there, path: /there, plugins: [{{set: s}}], upstream: echo}}
upstreams: [{{name: echo, builtin: echo}}]",
        log.display(),
        module(
            folder.path(),
            "refuses",
            &wasm("(call $reply (i32.const 403)) (i32.const 1)")
        )
        .display()
    ))
    .await;
    for path in ["/own", "/here", "/there"] {
        let answer = get(address(&gateway), path).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{path}: {answer}");
    }
    let lines = within(async {
        loop {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            if text.lines().count() == 3 && text.ends_with('\n') {
                break text;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let expected = if line["path"] == "/own" {
            "refuses"
        } else {
            "refuses-here"
        };
        assert_eq!(line["plugin"], expected, "{line}");
    }
    let admin = gateway.admin_address().expect("an admin listener");
    let metrics = get(admin, "/metrics").await;
    for (plugin, count) in [("refuses", 1), ("refuses-here", 2)] {
        let line = format!("loom_plugin_local_replies_total{{plugin=\"{plugin}\"}} {count}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    let page = |answer: String| -> Value {
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).expect("JSON")
    };
    let plugins = page(get(admin, "/plugins").await);
    let ids = &plugins["plugins"][0]["ids"];
    assert_eq!(ids["refuses-here"]["local_replies"], 2, "{plugins}");
    let routes = page(get(admin, "/routes").await);
    let routes = routes["routes"].as_array().expect("a list");
    let here = routes.iter().find(|route| route["id"] == "here");
    let plugin = &here.expect("the route")["plugins"][0];
    assert_eq!(plugin["name"], "refuses-here");
}
