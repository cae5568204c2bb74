//! Sees to it that the toolchain can compile to WebAssembly.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// The target that plugins in Rust are built for.
pub(super) const NAME: &str = "wasm32-wasip1";

/// Adds the target with rustup when the toolchain in use at `root` has not got it.
pub(super) fn ensure(root: &Path) -> Result<(), Error> {
    if is_installed(root)? {
        return Ok(());
    }
    // Cargo's own switch for working without a network holds for rustup here as well.
    if env::var("CARGO_NET_OFFLINE").is_ok_and(|value| value == "true") {
        return Err(missing(root, "CARGO_NET_OFFLINE forbids to add it"));
    }
    eprintln!("The target {NAME} is missing: adding it with `rustup target add {NAME}`.");
    match Command::new("rustup")
        .args(["target", "add", NAME])
        .current_dir(root)
        .stdin(Stdio::null())
        .status()
    {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(missing(
            root,
            &format!("rustup could not add it ({status})"),
        )),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            Err(missing(root, "there is no rustup here to add it"))
        }
        Err(e) => Err(missing(root, &format!("rustup cannot be started: {e}"))),
    }
}

/// Whether the standard library for the target lies where the compiler looks for it.
fn is_installed(root: &Path) -> Result<bool, Error> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", NAME])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| Error::because("cannot start rustc", e))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(output.status.success()
        && fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()))
}

fn missing(root: &Path, why: &str) -> Error {
    let toolchain = env::var("RUSTUP_TOOLCHAIN")
        .map_or_else(|_| String::new(), |name| format!(" --toolchain {name}"));
    Error::missing_tool(format!(
        "plugins are built for {NAME}, which this toolchain has not got, and {why}.\n\
         Add it with\n\n    rustup target add{toolchain} {NAME}\n\n\
         in {}, or, for a compiler that is not rustup's, install the {NAME} standard library from where it came.",
        root.display()
    ))
}
