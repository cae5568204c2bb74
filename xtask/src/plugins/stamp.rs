//! Tells whether a module is still what its source and its recipe make, for compilers that do not do that themselves.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use super::Workshop;
use super::source::Source;
use crate::Error;

/// Files that are about a plugin, and no part of it.
const ABOUT: [&str; 2] = ["README.md", "loom.yaml"];

/// Calls `build` unless the module was made of this source by this recipe: all else that decides about the result, such
/// as the compiler's version and its flags.
pub(super) fn unless_fresh(
    work: &Workshop,
    source: &Source,
    recipe: &str,
    build: impl FnOnce() -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    let unreadable = |e| Error::because(format!("cannot read {}", source.folder.display()), e);
    let wanted = digest(&source.folder, recipe).map_err(unreadable)?;
    let stamp = work.folder.join("stamp");
    if work.module().is_file() && fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(work.module());
    }
    let unwritable = |e| Error::because(format!("cannot write {}", stamp.display()), e);
    build()?;
    fs::write(&stamp, wanted).map_err(unwritable)?;
    Ok(work.module())
}

/// A number of the recipe and of every file's path and content.
fn digest(folder: &Path, recipe: &str) -> io::Result<String> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    recipe.hash(&mut hasher);
    for file in files {
        file.hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list(&entry.path(), files)?;
        } else if !ABOUT.contains(&&*entry.file_name().to_string_lossy()) {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::plugins::language::Language;

    #[test]
    fn builds_anew_after_a_change_of_source_or_recipe_and_not_otherwise() {
        let folder = std::env::temp_dir().join(format!("loom-stamp-{}", std::process::id()));
        let source = Source {
            name: "p".to_owned(),
            folder: folder.join("source"),
            language: Language::Zig,
        };
        fs::create_dir_all(&source.folder).unwrap();
        let work = Workshop::open(&folder, &source).unwrap();
        let builds = Cell::new(0);
        let run = |text: &str, recipe: &str| {
            fs::write(source.folder.join("plugin.zig"), text).unwrap();
            unless_fresh(&work, &source, recipe, || {
                builds.set(builds.get() + 1);
                fs::write(work.module(), text).map_err(|e| Error::because("write", e))
            })
            .unwrap();
            builds.get()
        };
        assert_eq!(run("one", "-O"), 1);
        assert_eq!(run("one", "-O"), 1);
        assert_eq!(run("two", "-O"), 2);
        assert_eq!(run("two", "-g"), 3);
        fs::write(source.folder.join("README.md"), "other words").unwrap();
        assert_eq!(run("two", "-g"), 3);
        fs::remove_file(work.module()).unwrap();
        assert_eq!(run("two", "-g"), 4);
        fs::remove_dir_all(&folder).unwrap();
    }
}
