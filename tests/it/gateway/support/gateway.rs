//! A gateway inside of the test's own process.

use std::fmt::Write;
use std::net::SocketAddr;

use loom_gateway::{Gateway, Running};

/// Starts a gateway with this `loom.yaml`. Without a `listeners` section it gets one on a free port.
pub(crate) async fn start(yaml: &str) -> Running {
    super::panics::watch();
    let listeners = if yaml.contains("listeners:") {
        ""
    } else {
        "listeners: [{name: web, address: '127.0.0.1:0'}]\n"
    };
    let config = super::parse("loom.yaml", &format!("{listeners}{yaml}"));
    Gateway::start(config.unwrap_or_else(|faults| panic!("{faults}")))
        .await
        .expect("a gateway")
}

/// The address of the only listener.
pub(crate) fn address(gateway: &Running) -> SocketAddr {
    gateway.addresses()[0].1
}

/// A route for every request, to these endpoints.
pub(crate) fn proxy_to(endpoints: &[SocketAddr]) -> String {
    let mut yaml = "routes: [{id: all, path: '/*', upstream: backend}]\nupstreams:\n  - name: backend\n    endpoints:\n".to_owned();
    for endpoint in endpoints {
        writeln!(yaml, "      - '{endpoint}'").expect("a string takes everything");
    }
    yaml
}
