//! The languages of plugins.

use std::fmt;
use std::fs;
use std::path::Path;

/// What a plugin is written in, and with which compiler it is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// Cargo, for `wasm32-wasip1`.
    Rust,
    /// The standard compiler of Go.
    Go,
    /// TinyGo, for the SDK that only it can compile.
    TinyGo,
    /// Zig, on the raw ABI.
    Zig,
    /// C, on the raw ABI, with the C compiler in Zig.
    C,
    /// AssemblyScript, from npm.
    AssemblyScript,
}

/// The SDK that needs TinyGo: it exports functions with a comment that the standard compiler does not know.
const TINYGO_SDK: &str = "github.com/tetratelabs/proxy-wasm-go-sdk";

impl Language {
    /// The language of the plugin in a folder, by the file that says how it is built; `None` when there is no plugin.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        if let Ok(module) = fs::read_to_string(folder.join("go.mod")) {
            return Some(if module.contains(TINYGO_SDK) {
                Self::TinyGo
            } else {
                Self::Go
            });
        }
        let markers = [
            ("Cargo.toml", Self::Rust),
            ("plugin.zig", Self::Zig),
            ("plugin.c", Self::C),
            ("package.json", Self::AssemblyScript),
        ];
        markers
            .into_iter()
            .find(|(marker, _)| folder.join(marker).is_file())
            .map(|(_, language)| language)
    }

    /// Whether plugins in it are built only on request, and may be missing even in CI: no package of TinyGo is to be
    /// had everywhere, and building the compiler takes a gigabyte of other packages.
    pub(super) fn is_optional(self) -> bool {
        self == Self::TinyGo
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Go => "Go",
            Self::TinyGo => "TinyGo",
            Self::Zig => "Zig",
            Self::C => "C",
            Self::AssemblyScript => "AssemblyScript",
        })
    }
}
