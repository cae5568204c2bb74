//! What `cargo xtask` does, as a library: the integration tests build the plugins through it too.

mod cargo;
#[cfg(test)]
mod documents;
mod envoy;
mod error;
mod http;
mod programs;
mod server;
mod signals;
mod tools;
mod usage;

pub mod bench;
pub mod conformance;
pub mod demo;
pub mod deny;
pub mod fuzz;
pub mod h2spec;
pub mod plugins;
pub mod schema;
pub mod soak;

use std::path::Path;

pub use error::Error;

/// The root of the workspace, as it was when this crate was compiled.
#[must_use]
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}
