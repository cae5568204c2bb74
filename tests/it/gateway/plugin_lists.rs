//! Entries of lists of plugins: of listeners, of routes, and of all routes.

use std::path::Path;

use loom_gateway::Running;

use super::admin::{ADMIN, admin, metrics};
use super::plugin_overrides::WORKS;
use super::plugins::{CONFIGURATION, guest, order, order_of};
use super::support::{Raw, address, start};
use crate::gateway::keys::shows;
use crate::layer::zoo::wasm;

shows! {
    ["listeners[].plugins[]", "defaults.plugins[]", "routes[].plugins[]"]: "plugin" or "b" => an_entry_names_a_plugin;
    ["listeners[].plugins[]", "defaults.plugins[]", "routes[].plugins[]"]: "set" or "t", "priority", "config"
        => entries_have_their_place_and_their_configuration;
    ["listeners[].plugins[]", "defaults.plugins[]", "routes[].plugins[]"]: "id" => an_id_counts_for_itself;
    ["listeners[].plugins[]", "defaults.plugins[]", "routes[].plugins[]"]: "timeout", "failure_policy"
        => time_and_policy_are_those_of_the_entry;
}

/// A gateway for each place in which this list may stand.
async fn everywhere(plugins: &str, list: &str) -> Vec<Running> {
    let list = format!("plugins: [{list}]");
    let mut gateways = Vec::new();
    for [listener, defaults, route] in [[&*list, "", ""], ["", &list, ""], ["", "", &list]] {
        let yaml = format!(
            "{ADMIN}listeners: [{{name: web, address: '127.0.0.1:0', {listener}}}]
defaults: {{{defaults}}}
{plugins}
routes: [{{id: all, path: '/*', upstream: echo, {route}}}]
upstreams: [{{name: echo, builtin: echo}}]"
        );
        gateways.push(start(&yaml).await);
    }
    gateways
}

/// A plugin that adds its name to `x-order`.
fn plugin(folder: &Path, name: &str) -> String {
    let path = guest(folder, name, &order(name));
    format!("{{name: {name}, path: '{}'}}", path.display())
}

/// A file of this module.
fn module(folder: &Path, name: &str, wasm: &[u8]) -> String {
    let path = folder.join(format!("{name}.wasm"));
    std::fs::write(&path, wasm).expect("written");
    path.display().to_string()
}

async fn status(gateway: &Running) -> String {
    let request = "GET / HTTP/1.1\r\nhost: a\r\nx-phase: b\r\nconnection: close\r\n\r\n";
    Raw::exchange(address(gateway), request).await[9..12].to_owned()
}

#[tokio::test]
async fn an_entry_names_a_plugin() {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, b] = ["a", "b"].map(|name| plugin(folder.path(), name));
    for gateway in everywhere(&format!("plugins: [{a}, {b}]"), "{plugin: a}").await {
        assert_eq!(order_of(address(&gateway), "/").await, "a");
    }
}

#[tokio::test]
async fn entries_have_their_place_and_their_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, b, c] = ["a", "b", "c"].map(|name| plugin(folder.path(), name));
    let p = guest(folder.path(), "p", CONFIGURATION);
    let plugins = format!(
        "plugins: [{a}, {b}, {c}, {{name: p, path: '{}', config: its own}}]
plugin_sets: {{s: [b], t: [c]}}",
        p.display()
    );
    let list = "{plugin: a, priority: -1}, {set: s}, {plugin: p, config: of the list}";
    for gateway in everywhere(&plugins, list).await {
        assert_eq!(order_of(address(&gateway), "/").await, "b,of the list,a");
    }
}

#[tokio::test]
async fn an_id_counts_for_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let refuses = wasm("(call $reply (i32.const 403)) (i32.const 1)");
    let refuses = module(folder.path(), "refuses", &refuses);
    let plugins = format!("plugins: [{{name: refuses, path: '{refuses}'}}]");
    for gateway in everywhere(&plugins, "{plugin: refuses, id: here}").await {
        assert_eq!(status(&gateway).await, "403");
        let series = metrics(admin(&gateway)).await;
        let name = "loom_plugin_local_replies_total{plugin=\"here\"}";
        assert_eq!(series.get(name), Some(&1.0), "{series:?}");
    }
}

#[tokio::test]
async fn time_and_policy_are_those_of_the_entry() {
    let folder = tempfile::tempdir().expect("a folder");
    let works = module(
        folder.path(),
        "works",
        &wat::parse_str(WORKS).expect("valid"),
    );
    let traps = module(folder.path(), "traps", &wasm("unreachable"));
    let plugins = format!(
        "plugins: [{{name: works, path: '{works}', timeout: 1ms}}, {{name: traps, path: '{traps}'}}]"
    );
    let list = "{plugin: works, timeout: 1m}, {plugin: traps, failure_policy: open}";
    for gateway in everywhere(&plugins, list).await {
        assert_eq!(status(&gateway).await, "200");
    }
}
