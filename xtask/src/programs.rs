//! The programs of others: where they are, and which versions they have.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, envoy};

/// A program that is there.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// As it says itself.
    pub(crate) version: String,
}

/// Looks in `PATH`, and where servers are that only an administrator starts.
pub(crate) fn find(name: &str, version_flag: &str) -> Option<Program> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let path = env::split_paths(&folders)
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())?;
    let version = version(&path, version_flag);
    Some(Program { path, version })
}

/// As [`find`], for what nothing can be measured without.
pub(crate) fn need(name: &str, version_flag: &str, package: &str) -> Result<Program, Error> {
    find(name, version_flag).ok_or_else(|| {
        Error::new(format!(
            "`{name}` is not there, and nothing can be measured without it: install the package {package}"
        ))
    })
}

/// Envoy: what is in `PATH`, or else what pip has.
pub(crate) fn envoy(root: &Path) -> Result<Program, Error> {
    if let Some(found) = find("envoy", "--version") {
        return Ok(found);
    }
    let path = envoy::program(root)?;
    let version = version(&path, "--version");
    Ok(Program { path, version })
}

/// The first line with a digit that the program prints about itself, where some begin with the place that they are at.
fn version(path: &Path, flag: &str) -> String {
    let output = Command::new(path).arg(flag).stdin(Stdio::null()).output();
    let Ok(output) = output else {
        return "unknown".to_owned();
    };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let line = text
        .lines()
        .find(|line| line.chars().any(|c| c.is_ascii_digit()));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let line = line.unwrap_or("unknown").trim();
    line.replace(&*path.to_string_lossy(), &name)
}
