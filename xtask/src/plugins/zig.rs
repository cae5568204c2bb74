//! Plugins in Zig and in C, both with Zig's compiler. Neither has an SDK or a C library: they speak the raw ABI.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::source::Source;
use super::{Workshop, stamp};
use crate::Error;
use crate::tools::{self, Setup};

/// From PyPI, where each version stays. Zig's language changes with each of them.
const VERSION: &str = "0.17.1";

const ZIG: [&str; 6] = [
    "build-exe",
    "-target",
    "wasm32-freestanding",
    "-O",
    "ReleaseSmall",
    "-fno-entry",
];
const C: [&str; 7] = [
    "cc",
    "--target=wasm32-freestanding",
    "-Os",
    "-Wall",
    "-Werror",
    "-nostdlib",
    "-Wl,--no-entry",
];

pub(super) fn build_zig(
    root: &Path,
    work: &Workshop,
    source: &Source,
    setup: Setup,
) -> Result<PathBuf, Error> {
    stamp::unless_fresh(work, source, &recipe(&ZIG), || {
        let mut command = compiler(root, work, setup)?;
        command.args(ZIG);
        // Every `export` is one of the module.
        command.arg("-rdynamic");
        command.arg(format!("-femit-bin={}", work.module().display()));
        command.arg(source.folder.join("plugin.zig"));
        tools::run(command, &source.name)
    })
}

pub(super) fn build_c(
    root: &Path,
    work: &Workshop,
    source: &Source,
    setup: Setup,
) -> Result<PathBuf, Error> {
    stamp::unless_fresh(work, source, &recipe(&C), || {
        let mut command = compiler(root, work, setup)?;
        command.args(C).arg("-o").arg(work.module());
        command.arg(source.folder.join("plugin.c"));
        tools::run(command, &source.name)
    })
}

fn recipe(flags: &[&str]) -> String {
    format!("zig {VERSION} {}", flags.join(" "))
}

/// A call of Zig, which is fetched when it is not there.
fn compiler(root: &Path, work: &Workshop, setup: Setup) -> Result<Command, Error> {
    let folder = tools::fetched(root, &format!("ziglang-{VERSION}"), |folder| {
        let python = "Python 3 with pip, by which Zig is fetched";
        tools::require("python3", python, "https://www.python.org/downloads")?;
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--disable-pip-version-check",
        ]);
        pip.arg("--root-user-action=ignore")
            .arg("--target")
            .arg(folder);
        pip.arg(format!("ziglang=={VERSION}"));
        tools::download(&format!("Zig {VERSION} (100 MB, from PyPI)"), setup, pip)
    })?;
    let mut command = Command::new(folder.join("ziglang").join("zig"));
    command.current_dir(&work.folder);
    for cache in ["ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"] {
        command.env(cache, root.join("target/plugins-build/zig-cache"));
    }
    Ok(command)
}
