//! libFuzzer, guided by what the code does with an input.
//!
//! cargo-fuzz wants a nightly compiler for the address sanitizer. Counting the edges that an input takes needs none: the pass
//! of LLVM that does it is switched on here for the crates of this workspace alone, so that dependencies are compiled once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Options, Runner, cannot_start, named};
use crate::{Error, cargo};

/// Compiles as cargo wants it, with counters. Build scripts run without libFuzzer.
const WRAPPER: &str = r#"#!/bin/sh
case " $* " in
    *" --crate-name build_script_"*|*" --print "*|*" -vV "*) exec "$@" ;;
esac
exec "$@" --cfg fuzzing \
    -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
"#;

/// An execution that takes longer hangs, in seconds.
const HANGS: u32 = 60;

/// The most that a process may take, in MiB.
const MEMORY: u32 = 4096;

/// Lets libFuzzer run a target; whether nothing was found.
pub(super) fn run(runner: &Runner<'_>, target: &str, options: &Options) -> Result<bool, Error> {
    let program = program(runner.root, target)?;
    let corpus = runner.root.join("fuzz").join("corpus").join(target);
    let seeds = runner.root.join("target").join("fuzz").join(target);
    let artifacts = runner.artifacts.join(target);
    for folder in [&corpus, &seeds, &artifacts] {
        fs::create_dir_all(folder)
            .map_err(|e| Error::because(format!("cannot make {}", folder.display()), e))?;
    }
    let made = runner
        .command("seeds")
        .arg(target)
        .arg(&seeds)
        .status()
        .map_err(cannot_start)?;
    if !made.success() {
        return Err(Error::new(format!("{target} has no seeds ({made})")));
    }
    let executions = options.executions.unwrap_or(1_000_000);
    let mut command = Command::new(program);
    command
        .current_dir(runner.root)
        .stdin(Stdio::null())
        .arg(&corpus)
        .arg(&seeds)
        .arg(format!("-runs={executions}"))
        .arg(format!("-seed={}", options.seed.max(1)))
        .arg(format!("-timeout={HANGS}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-print_final_stats=1", "-max_len=4096"]);
    let status = command
        .status()
        .map_err(|e| Error::because(format!("cannot start libFuzzer for {target}"), e))?;
    if !status.success() {
        println!(
            "  to see it again: cargo xtask fuzz --target {target} --input FILE, with the file that is named above"
        );
    }
    Ok(status.success())
}

fn program(root: &Path, target: &str) -> Result<PathBuf, Error> {
    let name = format!("fuzz-{target}");
    let mut command = cargo::build_in(root);
    command
        .env("RUSTC_WORKSPACE_WRAPPER", wrapper(root)?)
        .args(["--package", "loom-fuzz", "--features", "libfuzzer"])
        .args(["--bin", &name]);
    named(&cargo::run(command, "the target with libFuzzer")?, &name)
}

fn wrapper(root: &Path) -> Result<PathBuf, Error> {
    let folder = root.join("target").join("fuzz");
    let file = folder.join("with-counters.sh");
    let write = || {
        fs::create_dir_all(&folder)?;
        // Its time counts for cargo: an equal one is left alone.
        if fs::read_to_string(&file).is_ok_and(|text| text == WRAPPER) {
            return Ok(());
        }
        fs::write(&file, WRAPPER)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))
    };
    write().map_err(|e| Error::because(format!("cannot write {}", file.display()), e))?;
    Ok(file)
}
