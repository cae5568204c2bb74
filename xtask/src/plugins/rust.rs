//! Plugins in Rust. Cargo decides what is stale.

use std::path::{Path, PathBuf};

use super::source::Source;
use super::target;
use crate::{Error, cargo};

/// Settings for the host that would break or needlessly rebuild a guest, such as coverage instrumentation.
const HOST_ONLY: [&str; 5] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "RUSTC_WORKSPACE_WRAPPER",
];

pub(super) fn build(root: &Path, source: &Source) -> Result<PathBuf, Error> {
    build_with(root, &source.folder, &[])
}

/// Builds the package in `folder`, with further arguments to cargo.
pub(crate) fn build_with(root: &Path, folder: &Path, arguments: &[&str]) -> Result<PathBuf, Error> {
    target::ensure(root)?;
    let mut command = cargo::build_in(root);
    for name in HOST_ONLY {
        command.env_remove(name);
    }
    command.args(["--release", "--locked", "--target", target::NAME]);
    command.args(arguments);
    command
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"));
    // One folder for all of them: what they have in common is compiled once.
    command
        .arg("--target-dir")
        .arg(root.join("target").join("plugins-build"));
    let files = cargo::run(command, &format!("plugin {}", folder.display()))?;
    let module = |file: &PathBuf| file.extension().is_some_and(|e| e == "wasm");
    files.into_iter().find(module).ok_or_else(|| {
        Error::new(format!(
            "{} made no .wasm file: is its crate-type [\"cdylib\"]?",
            folder.display()
        ))
    })
}
