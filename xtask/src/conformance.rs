//! Builds what the conformance kit needs, and runs it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, cargo, demo, envoy, plugins};

/// The versions of the ABI, as the guest's features name them.
const VERSIONS: [&str; 3] = ["0_1_0", "0_2_0", "0_2_1"];

/// Runs the kit of `tests/conformance` with these arguments.
///
/// # Errors
///
/// When something does not build, when Envoy is needed and cannot be had, or when the kit finds a fault.
pub fn run(root: &Path, arguments: &[OsString]) -> Result<(), Error> {
    let folder = root.join("target").join("conformance");
    let modules = guests(root, &folder)?;
    let kit = kit(root)?;
    let mut command = Command::new(kit);
    command.current_dir(root).args(arguments);
    command.arg("--modules").arg(modules);
    command.arg("--report").arg(&folder);
    if !names(arguments, "--loom") {
        command.arg("--loom").arg(demo::program(root)?);
    }
    if wants_envoy(arguments) && !names(arguments, "--envoy") {
        command.arg("--envoy").arg(envoy::program(root)?);
    }
    let status = command
        .status()
        .map_err(|e| Error::because("cannot start the conformance kit", e))?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::new("the conformance kit found a fault, see above"))
    }
}

fn names(arguments: &[OsString], option: &str) -> bool {
    arguments.iter().any(|argument| argument == option)
}

fn wants_envoy(arguments: &[OsString]) -> bool {
    let pairs = arguments.windows(2);
    pairs.into_iter().any(|pair| pair == ["--host", "envoy"])
        || names(arguments, "--host=envoy")
        || names(arguments, "--compare")
}

/// The scriptable plugin, once for each version of the ABI.
fn guests(root: &Path, folder: &Path) -> Result<PathBuf, Error> {
    let source = root.join("tests").join("conformance").join("guest");
    let place = folder.join("guest");
    for version in VERSIONS {
        let features = format!("abi_{version}");
        let made = plugins::rust::build_with(root, &source, &["--features", &features])?;
        let copy = || {
            fs::create_dir_all(&place)?;
            fs::copy(
                &made,
                place.join(format!("conformance_guest_{version}.wasm")),
            )
        };
        copy().map_err(|e| Error::because("cannot copy the guest's module", e))?;
    }
    Ok(place)
}

fn kit(root: &Path) -> Result<PathBuf, Error> {
    let mut command = cargo::build_in(root);
    command.args(["--workspace", "--bin", "loom-conformance"]);
    let files = cargo::run(command, "the conformance kit")?;
    let program = files
        .into_iter()
        .find(|file| file.ends_with("loom-conformance"));
    program.ok_or_else(|| Error::new("cargo built the kit, but did not name its program"))
}
