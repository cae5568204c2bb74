//! Where a part of the configuration was written.

use std::sync::Arc;

/// One of the files that a configuration is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId(pub(crate) u32);

impl FileId {
    /// The file that was to be loaded; the others are included.
    pub(crate) const MAIN: Self = Self(0);
}

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In a file: line and column, both counted from 1, columns in characters.
    File {
        file: FileId,
        line: usize,
        column: usize,
    },
    /// In this environment variable.
    Environment(Arc<str>),
}

impl Origin {
    /// The first character of a file.
    pub(crate) const fn start(file: FileId) -> Self {
        Self::File {
            file,
            line: 1,
            column: 1,
        }
    }

    /// The file; a variable stands for a value of the main one.
    pub(crate) fn file(&self) -> FileId {
        match self {
            Self::File { file, .. } => *file,
            Self::Environment(_) => FileId::MAIN,
        }
    }
}

/// As it stands in the middle of a sentence about the same file.
impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { line, column, .. } => write!(f, "in line {line}, column {column}"),
            Self::Environment(variable) => write!(f, "in the variable {variable}"),
        }
    }
}
