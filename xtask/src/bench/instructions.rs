//! Instructions per request on the ways through the layer, counted by valgrind: they hardly change from run to run, however
//! busy the machine is.

use std::path::Path;
use std::process::{Command, Stdio};

use super::built::Built;
use crate::Error;
use crate::programs;

/// Requests over which is counted.
const REQUESTS: u64 = 1000;

/// How often a way is tried. Valgrind hides the kernel's clock page, where rustix looks when a guest is interrupted by the
/// engine's clock for the first time; a run in which that happens ends with SIGSEGV.
const TRIES: usize = 10;

/// The function that is counted, without what comes before and after it.
const COUNTED: &str = "--toggle-collect=requests::measured";

/// Builds `requests` of the benches, runs each of its ways under callgrind, and prints what one request took. Callgrind's
/// files stay in `target/bench`, for `callgrind_annotate`.
///
/// # Errors
///
/// When valgrind is missing, or when something does not build or run.
pub fn run(root: &Path) -> Result<(), Error> {
    let valgrind = programs::need("valgrind", "--version", "valgrind")?;
    let program = Built::build(root)?.path("requests")?;
    let folder = super::folder(root)?;
    for path in paths(&program)? {
        let file = folder.join(&path).with_extension("callgrind");
        let mut command = Command::new(&valgrind.path);
        command
            .args(["--tool=callgrind", COUNTED])
            .arg(format!("--callgrind-out-file={}", file.display()))
            .arg(&program)
            .args([&path, &REQUESTS.to_string()])
            .stdin(Stdio::null());
        let instructions = count(&mut command)?;
        println!(
            "{path:16} {:7} instructions per request",
            instructions / REQUESTS
        );
    }
    Ok(())
}

/// Runs valgrind until the program came to its end.
fn count(command: &mut Command) -> Result<u64, Error> {
    let mut said = String::new();
    for _ in 0..TRIES {
        let output = command
            .output()
            .map_err(|e| Error::because("cannot start valgrind", e))?;
        said = String::from_utf8_lossy(&output.stderr).into_owned();
        if let Some(count) = collected(&said).filter(|_| output.status.success()) {
            return Ok(count);
        }
    }
    Err(Error::new(format!("valgrind counted nothing:\n{said}")))
}

/// The names that the program takes, as it says itself when it is given none.
fn paths(program: &Path) -> Result<Vec<String>, Error> {
    let output = Command::new(program)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Error::because(format!("cannot start {}", program.display()), e))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let names = said
        .lines()
        .find_map(|line| line.strip_prefix("PATH is one of: "));
    let names = names.ok_or_else(|| Error::new(format!("no names in what it said:\n{said}")))?;
    Ok(names.split(", ").map(str::to_owned).collect())
}

/// `==15675== Collected : 28387616`
fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_the_last_word_of_its_line() {
        assert_eq!(
            collected("==1== Events    : Ir\n==1== Collected : 283\n"),
            Some(283)
        );
        assert_eq!(collected("==1== Events    : Ir\n"), None);
    }
}
