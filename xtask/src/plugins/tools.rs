//! Compilers that are not part of this workspace.

use std::env;
use std::io;
use std::process::{Command, Stdio};

use crate::Error;

/// What becomes of a plugin whose compiler is not installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// It is left out.
    Lenient,
    /// It is an error.
    Strict,
}

impl Setup {
    /// Strict where the variable `CI` is `true`: nothing is left out there unseen.
    #[must_use]
    pub fn of_environment() -> Self {
        if env::var("CI").is_ok_and(|value| value == "true") {
            Self::Strict
        } else {
            Self::Lenient
        }
    }

    /// Whether a missing tool is an error.
    #[must_use]
    pub fn is_strict(self) -> bool {
        self == Self::Strict
    }
}

/// Fails when a program is not on the path.
pub(super) fn require(program: &str, what: &str, cure: &str) -> Result<(), Error> {
    let folders = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&folders).any(|folder| folder.join(program).is_file()) {
        return Ok(());
    }
    Err(Error::missing_tool(format!(
        "`{program}` is not on the path. Install {what}: {cure}"
    )))
}

/// Runs a compiler, whose words go to the terminal.
pub(super) fn run(mut command: Command, what: &str) -> Result<(), Error> {
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
}
