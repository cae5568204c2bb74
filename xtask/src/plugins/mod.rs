//! Builds the plugins of `examples/plugins` from their sources.
//!
//! Each folder there is a package of its own, built for `wasm32-wasip1`. What comes out is put into `target/plugins`,
//! where the examples and the tests look for it. Cargo decides what is stale, so a second run takes a moment.

mod target;

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use crate::{Error, cargo};

/// The target that plugins are built for.
const TARGET: &str = "wasm32-wasip1";

/// Settings for the host that would break or needlessly rebuild a guest, such as coverage instrumentation.
const HOST_ONLY: [&str; 5] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "RUSTC_WORKSPACE_WRAPPER",
];

/// Builds every plugin of the workspace at `root`, and gives back the folder in which they are then.
///
/// # Errors
///
/// When the target for WebAssembly is missing and cannot be added, or when a plugin does not build.
pub fn build(root: &Path) -> Result<PathBuf, Error> {
    build_some(root, &[])?;
    Ok(output(root))
}

/// Builds the plugins whose folders are named, or all when none is, and gives back the files.
///
/// # Errors
///
/// As [`build`], and when a name is not one of a plugin.
pub fn build_some(root: &Path, names: &[String]) -> Result<Vec<PathBuf>, Error> {
    let sources = select(&sources(root)?, names)?;
    target::ensure(root)?;
    let mut built = Vec::new();
    for source in sources {
        for made in compile(root, &source)? {
            built.push(publish(&made, &output(root))?);
        }
    }
    Ok(built)
}

fn output(root: &Path) -> PathBuf {
    root.join("target").join("plugins")
}

/// The folders that hold a plugin, in the order of their names.
fn sources(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let folder = root.join("examples").join("plugins");
    let unreadable = |e| Error::because(format!("cannot list {}", folder.display()), e);
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.join("Cargo.toml").is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn select(sources: &[PathBuf], names: &[String]) -> Result<Vec<PathBuf>, Error> {
    if names.is_empty() {
        return Ok(sources.to_vec());
    }
    let find = |name: &String| {
        sources
            .iter()
            .find(|source| source.ends_with(name))
            .cloned()
            .ok_or_else(|| {
                let known: Vec<_> = sources
                    .iter()
                    .filter_map(|s| s.file_name()?.to_str())
                    .collect();
                Error::new(format!(
                    "there is no plugin `{name}` in examples/plugins; there are: {}",
                    known.join(", ")
                ))
            })
    };
    names.iter().map(find).collect()
}

/// Compiles one plugin and gives back the modules that cargo made of it.
fn compile(root: &Path, source: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut command = cargo::build_in(root);
    for name in HOST_ONLY {
        command.env_remove(name);
    }
    command.args(["--release", "--locked", "--target", TARGET]);
    command
        .arg("--manifest-path")
        .arg(source.join("Cargo.toml"));
    // One folder for all of them: what they have in common is compiled once.
    command
        .arg("--target-dir")
        .arg(root.join("target").join("plugins-build"));
    let mut files = cargo::run(command, &format!("plugin {}", source.display()))?;
    files.retain(|file| file.extension().is_some_and(|e| e == "wasm"));
    if files.is_empty() {
        let why = format!(
            "{} made no .wasm file: is its crate-type [\"cdylib\"]?",
            source.display()
        );
        return Err(Error::new(why));
    }
    Ok(files)
}

/// Puts a module into the folder for all of them, in one step, and only when it is not there already: somebody may be
/// loading the file, or watching it.
fn publish(module: &Path, folder: &Path) -> Result<PathBuf, Error> {
    let name = module.file_name().unwrap_or_default();
    let place = folder.join(name);
    let copy = || {
        let code = fs::read(module)?;
        if fs::read(&place).is_ok_and(|old| old == code) {
            return Ok(());
        }
        fs::create_dir_all(folder)?;
        let part = folder.join(format!(".{}.{}", name.display(), process::id()));
        fs::write(&part, code)?;
        fs::rename(part, &place)
    };
    copy().map_err(|e| Error::because(format!("cannot write {}", place.display()), e))?;
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders() -> Vec<PathBuf> {
        ["/w/add-header", "/w/deny"].map(PathBuf::from).to_vec()
    }

    #[test]
    fn no_name_means_every_plugin() {
        assert_eq!(select(&folders(), &[]).unwrap(), folders());
    }

    #[test]
    fn a_name_is_the_folder_s() {
        assert_eq!(
            select(&folders(), &["deny".into()]).unwrap(),
            [PathBuf::from("/w/deny")]
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = select(&folders(), &["denny".into()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no plugin `denny` in examples/plugins; there are: add-header, deny"
        );
    }
}
