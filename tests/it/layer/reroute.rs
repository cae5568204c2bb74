//! Plugins that ask for another choice of the route, in an application.

use loom_layer::{LoomChain, LoomPlugin, Reroute};

use super::support::{Guest, get, load, send};

/// With the function of version 0.1.0, in one of the two forms in which it is imported.
fn asking(name: &str, result: &str, callback: &str) -> LoomPlugin {
    let ty = format!("(func $clear {result})");
    let call = if result.is_empty() {
        "(call $clear)"
    } else {
        r#"(if (call $clear) (then (call $say @"not OK")))"#
    };
    let guest = Guest::new()
        .import("env", "proxy_clear_route_cache", &ty)
        .on(callback, &format!("{call} (i32.const 0)"));
    load(name, &guest)
}

async fn is_told(plugins: impl Into<LoomChain>) -> bool {
    let seen = send(plugins, get(&[])).await.seen.expect("forwarded");
    seen.extensions.get::<Reroute>().is_some()
}

#[tokio::test]
async fn the_inner_service_is_told() {
    for (name, result) in [("reroute-status", "(result i32)"), ("reroute-none", "")] {
        let plugin = asking(name, result, "proxy_on_request_headers");
        assert!(LoomChain::from(plugin.clone()).can_reroute());
        assert!(is_told(plugin.clone()).await, "{name}");
        // Whichever plugin of a chain it was.
        let other = load("reroute-other", &Guest::new().on_request(""));
        assert!(!LoomChain::from(other.clone()).can_reroute());
        assert!(is_told(LoomChain::new([plugin, other])).await, "{name}");
    }
}

#[tokio::test]
async fn too_late_is_accepted_and_nothing_happens() {
    let plugin = asking("reroute-late", "(result i32)", "proxy_on_response_headers");
    for _ in 0..2 {
        assert!(!is_told(plugin.clone()).await);
    }
    assert!(super::support::logs::said("reroute-late").is_empty());
    let root = asking("reroute-root", "(result i32)", "proxy_on_done");
    assert!(!is_told(root).await);
}
