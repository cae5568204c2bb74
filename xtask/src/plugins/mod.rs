//! Builds plugins from their sources, whatever language they are written in.
//!
//! Each folder of `FOLDERS` that holds a plugin is a package of its own, and a marker file in it tells its language:
//! see `language.rs`. What comes out is put into `target/plugins`, where the examples and the tests look for it. A plugin
//! that is up to date is not built again.

mod assemblyscript;
mod go;
mod language;
pub(crate) mod rust;
mod source;
mod stamp;
mod target;
mod tinygo;
mod zig;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Instant;

pub use crate::tools::Setup;

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
    /// Whether "every plugin" includes those for TinyGo, whose compiler is itself built from source.
    pub all: bool,
    /// What may be done about a compiler that is missing.
    pub setup: Setup,
}

/// Builds one plugin and gives back its file.
///
/// # Errors
///
/// When there is no such plugin, when it does not build, and when there is no compiler for it.
pub fn plugin(root: &Path, name: &str) -> Result<PathBuf, Error> {
    build_one(root, &the(root, name)?, Setup::of_command())
}

/// Builds one plugin, or gives back `None` when it has to be left out for want of a compiler: then a line that begins with
/// `SKIPPED` says so on standard error.
///
/// # Errors
///
/// As [`plugin`]; that there is no compiler is one only with [`Setup::Ci`].
pub fn plugin_or_skip(root: &Path, name: &str, setup: Setup) -> Result<Option<PathBuf>, Error> {
    build_or_skip(root, &the(root, name)?, setup)
}

fn the(root: &Path, name: &str) -> Result<Source, Error> {
    let mut found = source::select(&source::find(root)?, &[name.to_owned()])?;
    Ok(found.remove(0))
}

/// Builds plugins as [`plugin_or_skip`] does, says on standard error how it gets on, and gives back the files.
///
/// # Errors
///
/// As [`plugin_or_skip`], at the first plugin that does not build.
pub fn build(root: &Path, request: Request<'_>) -> Result<Vec<PathBuf>, Error> {
    let mut built = Vec::new();
    for source in source::select(&source::find(root)?, request.names)? {
        let (name, language) = (&source.name, source.language);
        if language.is_optional() && request.names.is_empty() && !request.all {
            eprintln!("{name} ({language}): only with --all");
            continue;
        }
        eprintln!("{name} ({language}) ...");
        let begin = Instant::now();
        if let Some(file) = build_or_skip(root, &source, request.setup)? {
            eprintln!("{name}: {:.1?}", begin.elapsed());
            built.push(file);
        }
    }
    Ok(built)
}

fn build_or_skip(root: &Path, source: &Source, setup: Setup) -> Result<Option<PathBuf>, Error> {
    match build_one(root, source, setup) {
        Ok(file) => Ok(Some(file)),
        Err(error) if is_skipped(source.language, &error, setup) => {
            // Not by a macro: those are captured in tests, and what is left out must not look like what passed.
            let _ = writeln!(io::stderr(), "\nSKIPPED {}: {error}\n", source.name);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Whether a plugin is left out for this error.
fn is_skipped(language: Language, error: &Error, setup: Setup) -> bool {
    error.is_missing_tool() && (setup != Setup::Ci || language.is_optional())
}

fn build_one(root: &Path, source: &Source, setup: Setup) -> Result<PathBuf, Error> {
    let work = Workshop::open(root, source)?;
    let module = match source.language {
        Language::Rust => rust::build(root, source),
        Language::Go => go::build(&work, source),
        Language::TinyGo => tinygo::build(root, &work, source, setup),
        Language::Zig => zig::build_zig(root, &work, source, setup),
        Language::C => zig::build_c(root, &work, source, setup),
        Language::AssemblyScript => assemblyscript::build(&work, source, setup),
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
    fn a_missing_tool_is_an_error_in_ci_but_for_optional_languages() {
        let missing = Error::missing_tool("a compiler is missing");
        assert!(is_skipped(Language::Go, &missing, Setup::Installed));
        assert!(is_skipped(Language::Go, &missing, Setup::Download));
        assert!(!is_skipped(Language::Go, &missing, Setup::Ci));
        assert!(is_skipped(Language::TinyGo, &missing, Setup::Ci));
    }

    #[test]
    fn a_plugin_that_does_not_build_is_always_an_error() {
        let fault = Error::new("a fault");
        for setup in [Setup::Installed, Setup::Download, Setup::Ci] {
            assert!(!is_skipped(Language::TinyGo, &fault, setup));
        }
    }
}
