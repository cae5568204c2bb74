//! Instructions per request on the ways through the layer, counted by valgrind: they hardly change from run to run, however
//! busy the machine is.

use std::path::Path;
use std::process::{Command, Stdio};

use super::programs;
use crate::Error;

/// Requests over which is counted.
const REQUESTS: u64 = 1000;

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
    let program = super::program(&super::build(root)?, "requests")?;
    let folder = super::folder(root)?;
    for path in paths(&program)? {
        let output = Command::new(&valgrind.path)
            .arg("--tool=callgrind")
            .arg(COUNTED)
            .arg(format!(
                "--callgrind-out-file={}",
                folder.join(&path).with_extension("callgrind").display()
            ))
            .arg(&program)
            .arg(&path)
            .arg(REQUESTS.to_string())
            .stdin(Stdio::null())
            .output()
            .map_err(|e| Error::because("cannot start valgrind", e))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let instructions = collected(&said)
            .filter(|_| output.status.success())
            .ok_or_else(|| Error::new(format!("valgrind counted nothing:\n{said}")))?;
        println!(
            "{path:16} {:7} instructions per request",
            instructions / REQUESTS
        );
    }
    Ok(())
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
