//! Plugins in Go, with the standard compiler, which decides itself what is stale.

use std::path::PathBuf;
use std::process::Command;

use super::Workshop;
use super::source::Source;
use crate::Error;
use crate::tools;

pub(super) fn build(work: &Workshop, source: &Source) -> Result<PathBuf, Error> {
    tools::require("go", "Go 1.24 or newer", "https://go.dev/doc/install")?;
    let mut command = Command::new("go");
    command
        .current_dir(&source.folder)
        .envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOFLAGS", "")])
        // A library: `_initialize` starts Go's runtime, and from then on the exports can be called.
        .args(["build", "-trimpath", "-buildmode=c-shared", "-o"])
        .arg(work.module())
        .arg(".");
    tools::run(command, &source.name)?;
    Ok(work.module())
}
