//! The program h2spec: the one on the path, or one that Go builds into `target/tools`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;
use crate::tools::{self, Setup};

/// What Go builds.
const PACKAGE: &str = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible";

/// The program.
///
/// # Errors
///
/// When it is not there, and Go is neither or cannot fetch it.
pub(super) fn program(root: &Path) -> Result<PathBuf, Error> {
    if tools::is_there("h2spec") {
        return Ok(PathBuf::from("h2spec"));
    }
    tools::require("go", "Go 1.24 or newer", "https://go.dev/doc/install")?;
    let folder = tools::fetched(root, "h2spec-2.2.1", |part| {
        let mut command = Command::new("go");
        // For this machine, whatever plugins are built for.
        command
            .env_remove("GOOS")
            .env_remove("GOARCH")
            .env("GOBIN", part)
            .args(["install", PACKAGE]);
        tools::download("h2spec", Setup::of_command(), command)
    })?;
    Ok(folder.join("h2spec"))
}
