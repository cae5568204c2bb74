//! Shows what Loom is for: one request through the gateway, seen from both ends.
//!
//! The plugin is built from its source, the gateway is started with `examples/first-plugin/loom.yaml`, whose upstream
//! answers what reached it, and both headers that the plugin adds are looked for.

mod gateway;
mod http;
mod show;

use std::path::Path;
use std::sync::mpsc::{self, Receiver};

use self::gateway::Gateway;
use crate::{Error, plugins};

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
    plugins::build_some(root, &["add-header".to_owned()])?;
    show::step(
        "Building the gateway (dev profile; the first time compiles wasmtime, which takes some minutes)",
    );
    let program = gateway::build(root)?;

    let setup = gateway::set_up(root)?;
    let stop = stop_signals()?;
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

/// Receives something at each Ctrl-C and SIGTERM, which from here on do not end this process.
fn stop_signals() -> Result<Receiver<()>, Error> {
    let (sender, receiver) = mpsc::channel();
    let handler = move || {
        // The receiver is gone only when this process is about to end anyway.
        let _ = sender.send(());
    };
    ctrlc::set_handler(handler).map_err(|e| Error::because("cannot listen for Ctrl-C", e))?;
    Ok(receiver)
}
