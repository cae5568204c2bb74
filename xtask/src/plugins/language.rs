//! The languages of plugins.

use std::fmt;
use std::path::Path;

/// What a plugin is written in, and with which compiler it is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// Cargo, for `wasm32-wasip1`.
    Rust,
    /// The standard compiler of Go.
    Go,
}

impl Language {
    /// The language of the plugin in a folder, by the file that says how it is built; `None` when there is no plugin.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let markers = [("Cargo.toml", Self::Rust), ("go.mod", Self::Go)];
        markers
            .into_iter()
            .find(|(marker, _)| folder.join(marker).is_file())
            .map(|(_, language)| language)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Go => "Go",
        })
    }
}
