//! Runs the fuzz targets of `fuzz/`.

mod guided;

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::{fs, process};

use crate::{Error, cargo};

/// The program that runs targets.
const RUNNER: &str = "loom-fuzz";

/// What is asked for.
#[derive(Debug, Default)]
pub struct Options {
    /// The targets; none means all.
    pub targets: Vec<String>,
    /// How many inputs each one gets; without it, as many as are a short run of it.
    pub executions: Option<u64>,
    /// The seed of the inputs.
    pub seed: u64,
    /// Files to run instead.
    pub inputs: Vec<PathBuf>,
    /// Whether libFuzzer makes the inputs, guided by what the code does with them.
    pub guided: bool,
    /// Whether the runner is optimised: it takes long to build, and gets through many times as many inputs.
    pub release: bool,
}

/// Runs targets one after the other. One that fails does not keep the others from their turns.
///
/// # Errors
///
/// When something does not build, when there is no such target, and when an input fails.
pub fn run(root: &Path, options: &Options) -> Result<(), Error> {
    let runner = Runner {
        program: program(root, options.release)?,
        artifacts: root.join("fuzz").join("artifacts"),
        root,
    };
    let known = runner.targets()?;
    for name in &options.targets {
        if !known.contains(name) {
            return Err(Error::new(format!(
                "there is no target `{name}`; there are {}",
                known.join(", ")
            )));
        }
    }
    let targets = if options.targets.is_empty() {
        &known
    } else {
        &options.targets
    };
    if !options.inputs.is_empty() {
        let [target] = targets.as_slice() else {
            return Err(Error::new("--input needs --target"));
        };
        return runner.files(target, &options.inputs);
    }
    let mut failed = Vec::new();
    for target in targets {
        // What was found once is tried first.
        let passed = runner.regressions(target)?
            && if options.guided {
                guided::run(&runner, target, options)?
            } else {
                runner.inputs(target, options)?
            };
        if !passed {
            failed.push(target.as_str());
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!(
        "failed: {}, see above",
        failed.join(", ")
    )))
}

/// Builds the runner, and gives back its program.
fn program(root: &Path, release: bool) -> Result<PathBuf, Error> {
    let mut command = cargo::build_in(root);
    if release {
        // With the packages that the benches measure: what both need is compiled once.
        command.args([
            "--release",
            "--package",
            "loom-gateway",
            "--package",
            "loom-benches",
        ]);
        command.args(["--package", "loom-fuzz", "--bin", RUNNER]);
    } else {
        // Of the whole workspace: with the features that the other members want too, so that less is compiled again.
        command.args(["--workspace", "--bin", RUNNER]);
    }
    named(&cargo::run(command, "the runner of fuzz targets")?, RUNNER)
}

fn named(files: &[PathBuf], name: &str) -> Result<PathBuf, Error> {
    let program = files
        .iter()
        .find(|file| file.file_name() == Some(OsStr::new(name)));
    program
        .cloned()
        .ok_or_else(|| Error::new(format!("cargo did not name the program `{name}`")))
}

struct Runner<'a> {
    program: PathBuf,
    artifacts: PathBuf,
    root: &'a Path,
}

impl Runner<'_> {
    fn command(&self, task: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.root)
            .arg(task)
            .stdin(Stdio::null());
        command
    }

    fn targets(&self) -> Result<Vec<String>, Error> {
        let output = self.command("list").output().map_err(cannot_start)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let names = text.lines().filter_map(|line| line.split(' ').next());
        Ok(names.map(str::to_owned).collect())
    }

    /// Runs a target on files.
    fn files(&self, target: &str, files: &[PathBuf]) -> Result<(), Error> {
        let status = self
            .command("files")
            .arg(target)
            .args(files)
            .status()
            .map_err(cannot_start)?;
        if status.success() {
            return Ok(());
        }
        Err(Error::new(format!("{target} failed ({status})")))
    }

    /// Runs a target on the inputs that made it fail once, which are kept in `fuzz/regressions`.
    fn regressions(&self, target: &str) -> Result<bool, Error> {
        let folder = self.root.join("fuzz").join("regressions").join(target);
        let Ok(entries) = fs::read_dir(&folder) else {
            return Ok(true);
        };
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        match self.files(target, &files) {
            Ok(()) => Ok(true),
            Err(error) => {
                println!("{error}");
                Ok(false)
            }
        }
    }

    /// Runs a target on inputs that are made from a seed.
    fn inputs(&self, target: &str, options: &Options) -> Result<bool, Error> {
        let current = self
            .root
            .join("target")
            .join(format!("fuzz-{target}-{}", process::id()));
        let mut command = self.command("run");
        command
            .arg(target)
            .args(["--seed", &options.seed.to_string()])
            .arg("--artifacts")
            .arg(&self.artifacts)
            .arg("--current")
            .arg(&current);
        if let Some(executions) = options.executions {
            command.args(["--executions", &executions.to_string()]);
        }
        let status = command.status().map_err(cannot_start)?;
        if status.signal().is_some() {
            self.died(target, options.seed, status, &current)?;
        }
        // There only after a signal.
        let _ = fs::remove_file(&current);
        Ok(status.success())
    }

    /// The process is gone, and the file says with which input.
    fn died(
        &self,
        target: &str,
        seed: u64,
        status: ExitStatus,
        current: &Path,
    ) -> Result<(), Error> {
        let number = fs::read(current).ok().and_then(|bytes| {
            let bytes = bytes.first_chunk::<8>()?;
            Some(u64::from_le_bytes(*bytes))
        });
        let Some(number) = number else {
            return Err(Error::new(format!("{target} died ({status})")));
        };
        let unwritable =
            |e| Error::because(format!("cannot write {}", self.artifacts.display()), e);
        let folder = self.artifacts.join(target);
        fs::create_dir_all(&folder).map_err(unwritable)?;
        let file = folder.join(format!("died-{seed}-{number}"));
        self.command("input")
            .arg(target)
            .args(["--seed", &seed.to_string()])
            .args(["--number", &number.to_string()])
            .arg(&file)
            .status()
            .map_err(cannot_start)?;
        println!("{target}: input {number} of seed {seed} ended the process ({status})");
        println!("  the input: {}", file.display());
        println!(
            "  to see it again: cargo xtask fuzz --target {target} --input {}",
            file.display()
        );
        Ok(())
    }
}

fn cannot_start(error: std::io::Error) -> Error {
    Error::because("cannot start the runner of fuzz targets", error)
}
