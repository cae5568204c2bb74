//! Plugins that tests need as files, built from their sources.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

use xtask::plugins::{self, Setup};

/// The module of a plugin, built once per process. `None`: a compiler for it is not installed, and the test has to be
/// left out; that was said on standard error, and where nothing may be left out, as in CI, it is a panic.
pub(crate) fn plugin(name: &str) -> Option<PathBuf> {
    static BUILT: LazyLock<Mutex<HashMap<String, Option<PathBuf>>>> = LazyLock::new(Mutex::default);
    // One after the other: the compilers use all cores themselves.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = built.get(name) {
        return known.clone();
    }
    let file = plugins::plugin_or_skip(xtask::root(), name, Setup::of_tests());
    let file = file.unwrap_or_else(|error| panic!("{error}"));
    built.insert(name.to_owned(), file.clone());
    file
}

/// The plugin of the first example.
pub(crate) fn add_header() -> PathBuf {
    plugin("add-header").expect("rustup adds what Rust's target needs")
}
