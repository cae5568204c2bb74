//! Shows what Loom is for: one request through the gateway, seen from both ends.
//!
//! The plugin is built from its source, the gateway is started with `examples/first-plugin/loom.yaml`, whose upstream
//! answers what reached it, and both headers that the plugin adds are looked for.

mod gateway;
mod show;

use std::path::Path;

use self::gateway::Gateway;
use crate::{Error, http, plugins, signals};

/// Builds the gateway, and gives back its program.
pub(crate) fn program(root: &Path) -> Result<std::path::PathBuf, Error> {
    gateway::build(root)
}

/// The path that the demonstration asks for.
const PATH: &str = "/api/test";

/// Builds plugin and gateway, sends a request through both and checks what came of it. Then the gateway goes on until
/// Ctrl-C, or, with `once`, is ended.
///
/// # Errors
///
/// When something does not build or start, when a header is missing, or when the gateway does not end as it should.
pub fn run(root: &Path, once: bool) -> Result<(), Error> {
    show::step("Building the plugin: examples/plugins/add-header");
    plugins::plugin(root, "add-header")?;
    show::step(
        "Building the gateway (dev profile; the first time compiles wasmtime, which takes some minutes)",
    );
    let program = gateway::build(root)?;

    let setup = gateway::set_up(root)?;
    let stop = signals::stop()?;
    show::step(&format!(
        "Starting: loom -config {}",
        show::shortened(&setup.config, root)
    ));
    let mut gateway = Gateway::start(&program, &setup.config)?;
    gateway.wait_until_it_listens(setup.address, &stop)?;

    show::step(&format!("Sending: GET http://{}{PATH}", setup.address));
    let response = http::get(setup.address, PATH)
        .map_err(|e| Error::because("the gateway did not answer", e))?;
    show::exchange(&response)?;

    if once {
        return gateway.stop();
    }
    show::what_to_try(setup.address);
    gateway.wait(&stop)
}
