//! Plugins that tests need as files, built from their sources.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use xtask::plugins::{self, Setup};

/// The module of a plugin, built once per process. `None`: a compiler for it is not installed, and the test has to be
/// left out. Where nothing may be left out, as in CI, that is a panic.
pub(crate) fn plugin(name: &str) -> Option<PathBuf> {
    static BUILT: OnceLock<Mutex<HashMap<String, Option<PathBuf>>>> = OnceLock::new();
    // One after the other: the compilers use all cores themselves.
    let mut built = BUILT
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = built.get(name) {
        return known.clone();
    }
    let file = match plugins::plugin(xtask::root(), name) {
        Ok(file) => Some(file),
        Err(error) if error.is_missing_tool() && !Setup::of_environment().is_strict() => {
            // Past the capture of the test harness: a test that is left out must not look like one that passed.
            let _ = writeln!(std::io::stderr(), "\nSKIPPED what needs {name}: {error}\n");
            None
        }
        Err(error) => panic!("{error}"),
    };
    built.insert(name.to_owned(), file.clone());
    file
}

/// The plugin of the first example. It is in Rust, as this test is: what builds the one builds the other.
pub(crate) fn add_header() -> PathBuf {
    plugin("add-header").expect("rustup adds what its target needs")
}
