//! Plugins for TinyGo, by the compiler on the path or by one that `tinygo/build.sh` makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::source::Source;
use super::{Workshop, stamp};
use crate::Error;
use crate::tools::{self, Setup};

/// What the script builds; newer ones are not to be had as a Go module.
const VERSION: &str = "0.39.0";

/// No goroutines: with TinyGo's other schedulers every request leaves some hundred kilobytes behind.
const FLAGS: [&str; 3] = ["build", "-no-debug", "-scheduler=none"];

pub(super) fn build(
    root: &Path,
    work: &Workshop,
    source: &Source,
    setup: Setup,
) -> Result<PathBuf, Error> {
    let recipe = format!("tinygo {VERSION} {}", FLAGS.join(" "));
    stamp::unless_fresh(work, source, &recipe, || {
        let (mut command, target) = if tools::is_there("tinygo") {
            (Command::new("tinygo"), "wasip1")
        } else {
            (built(root, setup)?, "wasip1-debian")
        };
        command.current_dir(&source.folder).args(FLAGS);
        command
            .arg(format!("-target={target}"))
            .arg("-o")
            .arg(work.module())
            .arg(".");
        tools::run(command, &source.name)
    })
}

/// A call of the compiler in `target/tools`, which is built when it is not there.
fn built(root: &Path, setup: Setup) -> Result<Command, Error> {
    let folder = tools::fetched(root, &format!("tinygo-{VERSION}"), |folder| {
        tools::require("go", "Go 1.24 or newer", "https://go.dev/doc/install")?;
        let mut script = Command::new("bash");
        script.arg(root.join("xtask/tinygo/build.sh"));
        script.arg(VERSION).arg(folder);
        if setup == Setup::Ci {
            script.arg("--install");
        }
        let what = format!("TinyGo {VERSION} (built from source, which takes some minutes)");
        tools::download(&what, setup, script)
    })?;
    let mut command = Command::new(folder.join("bin/tinygo"));
    command.env("TINYGOROOT", folder.join("root"));
    // Go 1.26 is newer than TinyGo 0.39 knows; go fetches the older one like a module.
    command.env("GOTOOLCHAIN", "go1.25.5");
    Ok(command)
}
