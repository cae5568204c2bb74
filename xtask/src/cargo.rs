//! Runs `cargo build` as a child, with its progress on the terminal, and learns from it which files it made.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Error;

/// `cargo build` in `directory`, whose toolchain file and `.cargo/config.toml` therefore count.
pub(crate) fn build_in(directory: &Path) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.current_dir(directory).arg("build");
    command
}

/// Runs a command of [`build_in`] and gives back every file that it made or found fresh.
///
/// # Errors
///
/// When cargo cannot be started, or when the build fails: why is on the terminal by then.
pub(crate) fn run(mut command: Command, what: &str) -> Result<Vec<PathBuf>, Error> {
    // Diagnostics go to the terminal in their usual look, the list of files comes through the pipe.
    command.arg("--message-format=json-render-diagnostics");
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|e| Error::because("cannot start cargo", e))?;

    let mut files = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(|e| Error::because("cannot read what cargo says", e))?;
            files.extend(files_of(&line));
        }
    }
    let status = child
        .wait()
        .map_err(|e| Error::because("cannot wait for cargo", e))?;
    if status.success() {
        Ok(files)
    } else {
        Err(Error::new(format!("{what} did not build ({status})")))
    }
}

/// The files that one line of cargo's report names.
fn files_of(line: &str) -> Vec<PathBuf> {
    let Ok(message) = serde_json::from_str::<Value>(line) else {
        return Vec::new();
    };
    if message["reason"] != "compiler-artifact" {
        return Vec::new();
    }
    let names = message["filenames"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    names
        .iter()
        .filter_map(Value::as_str)
        .map(PathBuf::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_files_of_artifacts_and_nothing_else() {
        let artifact =
            r#"{"reason":"compiler-artifact","filenames":["/t/a.wasm","/t/a.d"],"fresh":true}"#;
        assert_eq!(
            files_of(artifact),
            [PathBuf::from("/t/a.wasm"), PathBuf::from("/t/a.d")]
        );
        assert!(files_of(r#"{"reason":"build-finished","success":true}"#).is_empty());
        assert!(files_of("a line that a build script printed").is_empty());
    }
}
