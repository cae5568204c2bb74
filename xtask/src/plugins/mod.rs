//! Builds plugins from their sources, whatever language they are written in.
//!
//! Each folder of `FOLDERS` that holds a plugin is a package of its own, and a marker file in it tells its language:
//! see `language.rs`. What comes out is put into `target/plugins`, where the examples and the tests look for it. A plugin
//! that is up to date is not built again.

mod go;
mod language;
pub(crate) mod rust;
mod source;
mod target;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Instant;

pub use self::tools::Setup;

use self::language::Language;
use self::source::Source;
use crate::Error;

/// Where plugins are looked for.
const FOLDERS: [&str; 2] = ["examples/plugins", "tests/guests"];

/// What to build, and how far to go for it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The folders of plugins; none means every plugin.
    pub names: &'a [String],
    /// What may be done about a tool that is missing.
    pub setup: Setup,
}

/// Builds one plugin and gives back its file.
///
/// # Errors
///
/// When there is no such plugin, when it does not build, and when a tool for it is missing: see
/// [`Error::is_missing_tool`].
pub fn plugin(root: &Path, name: &str) -> Result<PathBuf, Error> {
    let sources = source::select(&source::find(root)?, &[name.to_owned()])?;
    build_one(root, &sources[0])
}

/// Builds plugins, says on the terminal what it does, and gives back the files.
///
/// A plugin whose tool is missing is left out with a word on why. Where [`Setup::is_strict`], that is an error.
///
/// # Errors
///
/// As [`plugin`], at the first plugin that does not build.
pub fn build(root: &Path, request: Request<'_>) -> Result<Vec<PathBuf>, Error> {
    let mut built = Vec::new();
    for source in source::select(&source::find(root)?, request.names)? {
        let begin = Instant::now();
        eprintln!("{} ({}) ...", source.name, source.language);
        match build_one(root, &source) {
            Ok(file) => {
                eprintln!("{}: {:.1?}", source.name, begin.elapsed());
                built.push(file);
            }
            Err(error) if is_skipped(&error, request.setup) => {
                eprintln!("SKIPPED {}: {error}", source.name);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(built)
}

/// Whether a plugin may be left out for this error.
fn is_skipped(error: &Error, setup: Setup) -> bool {
    error.is_missing_tool() && !setup.is_strict()
}

fn build_one(root: &Path, source: &Source) -> Result<PathBuf, Error> {
    let work = Workshop::open(root, source)?;
    let module = match source.language {
        Language::Rust => rust::build(root, source),
        Language::Go => go::build(&work, source),
    }?;
    publish(
        &module,
        &root.join("target").join("plugins"),
        &source.file(),
    )
}

/// The folder in which one plugin is built. While it is open no other process builds that plugin.
#[derive(Debug)]
struct Workshop {
    folder: PathBuf,
    _lock: fs::File,
}

impl Workshop {
    fn open(root: &Path, source: &Source) -> Result<Self, Error> {
        let folder = root.join("target/plugins-build/by-name").join(&source.name);
        let open = || {
            fs::create_dir_all(&folder)?;
            let lock = fs::File::create(folder.join(".lock"))?;
            lock.lock()?;
            Ok(lock)
        };
        let lock = open().map_err(|e: std::io::Error| {
            Error::because(format!("cannot work in {}", folder.display()), e)
        })?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// Where the compiler puts the module.
    fn module(&self) -> PathBuf {
        self.folder.join("plugin.wasm")
    }
}

/// Puts a module into the folder for all of them, in one step, and only when it is not there already: somebody may be
/// loading the file, or watching it.
fn publish(module: &Path, folder: &Path, name: &str) -> Result<PathBuf, Error> {
    let place = folder.join(name);
    let copy = || {
        let code = fs::read(module)?;
        if fs::read(&place).is_ok_and(|old| old == code) {
            return Ok(());
        }
        fs::create_dir_all(folder)?;
        let part = folder.join(format!(".{name}.{}", process::id()));
        fs::write(&part, code)?;
        fs::rename(part, &place)
    };
    copy().map_err(|e| Error::because(format!("cannot write {}", place.display()), e))?;
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_an_error_in_ci() {
        let missing = Error::missing_tool("go is missing");
        assert!(is_skipped(&missing, Setup::Lenient));
        assert!(!is_skipped(&missing, Setup::Strict));
    }

    #[test]
    fn a_plugin_that_does_not_build_is_always_an_error() {
        assert!(!is_skipped(&Error::new("a fault"), Setup::Lenient));
    }
}
