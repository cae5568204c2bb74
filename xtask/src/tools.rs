//! Compilers that are not part of this workspace: found, fetched where that is allowed, and run.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use crate::Error;

/// What may be done about a compiler that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// Nothing. A plugin that needs it is left out.
    Installed,
    /// It is downloaded into `target/tools`, if it is to be had that way.
    Download,
    /// As `Download`, and packages of the system are installed, too. If it is missing even so, that is an error.
    Ci,
}

impl Setup {
    /// For a command that somebody gave.
    #[must_use]
    pub fn of_command() -> Self {
        Self::in_ci_or(if is_true("CARGO_NET_OFFLINE") {
            Self::Installed
        } else {
            Self::Download
        })
    }

    /// For tests, which surprise nobody with a download of 100 MB.
    #[must_use]
    pub fn of_tests() -> Self {
        Self::in_ci_or(Self::Installed)
    }

    fn in_ci_or(otherwise: Self) -> Self {
        if is_true("CI") { Self::Ci } else { otherwise }
    }
}

fn is_true(variable: &str) -> bool {
    env::var(variable).is_ok_and(|value| value == "true")
}

/// Whether a program is on the path.
pub(crate) fn is_there(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

/// Fails when a program is not on the path.
pub(crate) fn require(program: &str, what: &str, cure: &str) -> Result<(), Error> {
    if is_there(program) {
        return Ok(());
    }
    Err(Error::missing_tool(format!(
        "`{program}` is not on the path. Install {what}: {cure}"
    )))
}

/// Runs a compiler, whose words go to the terminal.
pub(crate) fn run(mut command: Command, what: &str) -> Result<(), Error> {
    let name = command.get_program().display().to_string();
    // Standard output is for the list of files.
    command.stdin(Stdio::null()).stdout(io::stderr());
    let status = command
        .status()
        .map_err(|e| Error::because(format!("cannot start {name}"), e))?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::new(format!("{what}: {name} failed ({status})")))
    }
}

/// Runs a command that downloads something: without it, that is missing.
pub(crate) fn download(what: &str, setup: Setup, command: Command) -> Result<(), Error> {
    if setup == Setup::Installed {
        return Err(Error::missing_tool(format!(
            "{what} is not there; a command of `cargo xtask` downloads it into target/"
        )));
    }
    eprintln!("Downloading {what} ...");
    run(command, what).map_err(|error| Error::missing_tool(error.to_string()))
}

/// The folder `target/tools/NAME`, which `fetch` fills when it is not there.
pub(crate) fn fetched(
    root: &Path,
    name: &str,
    fetch: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    let folder = root.join("target/tools").join(name);
    if folder.is_dir() {
        return Ok(folder);
    }
    let unwritable = |e| Error::because(format!("cannot write {}", folder.display()), e);
    // It gets its name only when it is whole.
    let part = root.join(format!("target/tools/.{name}.{}", process::id()));
    fs::create_dir_all(&part).map_err(unwritable)?;
    if let Err(error) = fetch(&part) {
        fs::remove_dir_all(&part).map_err(unwritable)?;
        return Err(error);
    }
    match fs::rename(&part, &folder) {
        // Another process was faster.
        Err(_) if folder.is_dir() => fs::remove_dir_all(&part).map_err(unwritable)?,
        renamed => renamed.map_err(unwritable)?,
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_a_missing_tool_with_its_cure() {
        let error =
            require("loom-no-such-program", "a compiler", "apt-get install it").unwrap_err();
        assert!(error.is_missing_tool());
        assert_eq!(
            error.to_string(),
            "`loom-no-such-program` is not on the path. Install a compiler: apt-get install it"
        );
        require("sh", "a shell", "").unwrap();
    }

    #[test]
    fn nothing_is_downloaded_where_that_is_not_allowed_and_a_download_that_fails_is_a_missing_tool()
    {
        let fails = || {
            let mut command = Command::new("sh");
            command.args(["-c", "exit 7"]);
            command
        };
        let error = download("a tool", Setup::Installed, fails()).unwrap_err();
        assert!(error.is_missing_tool() && error.to_string().contains("is not there"));
        let error = download("a tool", Setup::Ci, fails()).unwrap_err();
        assert!(error.is_missing_tool() && error.to_string().contains("exit status: 7"));
    }

    #[test]
    fn what_is_fetched_is_there_whole_or_not_at_all() {
        let root = env::temp_dir().join(format!("loom-tools-{}", process::id()));
        let failed = fetched(&root, "tool", |_| Err(Error::new("no network")));
        assert_eq!(failed.unwrap_err().to_string(), "no network");
        assert!(!root.join("target/tools/tool").exists());
        let fill =
            |part: &Path| fs::write(part.join("bin"), "x").map_err(|e| Error::because("", e));
        let folder = fetched(&root, "tool", fill).unwrap();
        assert!(folder.join("bin").is_file());
        fetched(&root, "tool", |_| panic!("it is there")).unwrap();
        fs::remove_dir_all(&root).unwrap();
    }
}
