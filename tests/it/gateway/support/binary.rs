//! The program `loom` itself.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::{env, fs};

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr};

use super::without;

/// Built with the profile of the tests and next to them, so that a run after the first one finds it there.
static LOOM: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = env::current_exe().expect("this program has a path");
    // target/<profile>/deps/it-<hash>
    let profile = test.ancestors().nth(2).expect("a profile's directory");
    if without::is_so() {
        // Who has started this process has built it.
        return profile.join("loom");
    }
    let mut build = Command::new(env!("CARGO"));
    build.args([
        "build",
        "--quiet",
        "--locked",
        // With the features of the tests, see their Cargo.toml.
        "--workspace",
        "--bin",
        "loom",
    ]);
    build
        .arg("--manifest-path")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"));
    build
        .arg("--target-dir")
        .arg(profile.parent().expect("a target directory"));
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(
        build.status().expect("cargo runs").success(),
        "loom does not build"
    );
    profile.join("loom")
});

/// The program's file.
pub(crate) fn program() -> &'static Path {
    &LOOM
}

/// Runs `loom` to its end, in this directory.
pub(crate) fn loom(directory: &Path, arguments: &[&str]) -> Output {
    command(directory, arguments)
        .stdin(Stdio::null())
        .output()
        .expect("loom runs")
}

/// The same, with these variables in its environment.
pub(crate) fn loom_with(directory: &Path, arguments: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = command(directory, arguments);
    command.envs(env.iter().copied()).stdin(Stdio::null());
    command.output().expect("loom runs")
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    if without::is_so() {
        rewrite(directory, arguments);
    }
    let mut command = Command::new(&*LOOM);
    command.args(arguments).current_dir(directory);
    command
}

/// Takes the key out of the file that the program is going to read.
fn rewrite(directory: &Path, arguments: &[&str]) {
    let mut options = arguments
        .iter()
        .skip_while(|option| !option.ends_with("-config"));
    let file = directory.join(options.nth(1).unwrap_or(&"loom.yaml"));
    if let Ok(yaml) = fs::read_to_string(&file) {
        fs::write(&file, &*without::changed(&file, &yaml)).expect("written");
    }
}

/// A `loom` that runs. Dropped, it is killed.
pub(crate) struct Loom {
    pub(crate) child: Child,
    log: Lines<BufReader<ChildStderr>>,
    /// Lines that were read before the address of a listener, and that somebody may still ask for.
    before: VecDeque<String>,
}

impl Loom {
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::start_with(directory, arguments, &[])
    }

    /// Starts it with these variables beside those of the tests.
    pub(crate) fn start_with(
        directory: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = tokio::process::Command::from(command(directory, arguments));
        command.envs(environment.iter().copied());
        command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("loom runs");
        let log = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        Self {
            child,
            log,
            before: VecDeque::new(),
        }
    }

    /// The first line of the log, from here on, that has this text in it.
    pub(crate) async fn line(&mut self, text: &str) -> String {
        loop {
            let line = match self.before.pop_front() {
                Some(line) => line,
                None => self.read(text).await,
            };
            if line.contains(text) {
                return line;
            }
        }
    }

    async fn read(&mut self, until: &str) -> String {
        let line = super::within(self.log.next_line()).await;
        line.expect("a log in UTF-8")
            .unwrap_or_else(|| panic!("the log ended without {until:?}"))
    }

    /// The address of the next listener that the log names.
    pub(crate) async fn address(&mut self) -> SocketAddr {
        let line = loop {
            let line = self.read("listening").await;
            if line.contains("listening") {
                break line;
            }
            self.before.push_back(line);
        };
        let (_, address) = line.split_once("address=").expect("an address");
        address
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .parse()
            .expect("an address")
    }

    /// Sends a signal: `TERM` or `INT`.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id().expect("it still runs"), name);
    }

    /// Its exit code, once it has ended.
    pub(crate) async fn code(mut self) -> Option<i32> {
        // The pipe has to be read on, or the program could wait for room in it.
        let log = async { while let Ok(Some(_)) = self.log.next_line().await {} };
        super::within(async { tokio::join!(self.child.wait(), log).0 })
            .await
            .expect("it ends")
            .code()
    }
}

/// Sends a signal to a process.
fn signal(process: u32, name: &str) {
    let status = Command::new("kill")
        .args(["-s", name, &process.to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}
