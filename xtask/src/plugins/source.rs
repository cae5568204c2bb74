//! Finds the plugins that can be built.

use std::fs;
use std::path::{Path, PathBuf};

use super::FOLDERS;
use super::language::Language;
use crate::Error;

/// A folder with a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// The folder's own name, and that of the plugin.
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) language: Language,
}

impl Source {
    /// The name of the module's file in `target/plugins`: what cargo calls it when the package is `NAME_plugin`.
    pub(super) fn file(&self) -> String {
        format!("{}_plugin.wasm", self.name.replace(['-', '.'], "_"))
    }
}

/// Every plugin, in the order of the names.
pub(super) fn find(root: &Path) -> Result<Vec<Source>, Error> {
    let mut found = Vec::new();
    for parent in FOLDERS {
        let parent = root.join(parent);
        let unreadable = |e| Error::because(format!("cannot list {}", parent.display()), e);
        if !parent.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&parent).map_err(unreadable)? {
            let folder = entry.map_err(unreadable)?.path();
            if let (Some(language), Some(name)) = (Language::of(&folder), folder.file_name()) {
                found.push(Source {
                    name: name.display().to_string(),
                    folder,
                    language,
                });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The plugins with these names, or all when none is named.
pub(super) fn select(sources: &[Source], names: &[String]) -> Result<Vec<Source>, Error> {
    if names.is_empty() {
        return Ok(sources.to_vec());
    }
    let find = |name: &String| {
        let found = sources.iter().find(|source| source.name == *name);
        found.cloned().ok_or_else(|| {
            let known: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
            Error::new(format!(
                "there is no plugin `{name}`; there are: {}",
                known.join(", ")
            ))
        })
    };
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Vec<Source> {
        ["add-header", "deny"]
            .map(|name| Source {
                name: name.to_owned(),
                folder: Path::new("/w").join(name),
                language: Language::Rust,
            })
            .to_vec()
    }

    #[test]
    fn no_name_means_every_plugin() {
        assert_eq!(select(&sources(), &[]).unwrap(), sources());
    }

    #[test]
    fn a_name_is_the_folder_s() {
        assert_eq!(
            select(&sources(), &["deny".into()]).unwrap(),
            sources()[1..]
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = select(&sources(), &["denny".into()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no plugin `denny`; there are: add-header, deny"
        );
    }

    #[test]
    fn files_are_named_as_cargo_names_them() {
        assert_eq!(sources()[0].file(), "add_header_plugin.wasm");
    }

    #[test]
    fn a_marker_file_tells_the_language() {
        let found = find(crate::root()).unwrap();
        let language = |name: &str| {
            let source = found.iter().find(|source| source.name == name);
            source.map(|source| source.language)
        };
        assert_eq!(language("add-header"), Some(Language::Rust));
        assert_eq!(language("json-validation"), Some(Language::Go));
        assert_eq!(language("add-header-tinygo"), Some(Language::TinyGo));
        assert_eq!(language("add-header-zig"), Some(Language::Zig));
        assert_eq!(language("add-header-c"), Some(Language::C));
        assert_eq!(
            language("add-header-assemblyscript"),
            Some(Language::AssemblyScript)
        );
        assert_eq!(language("no-such-plugin"), None);
    }
}
