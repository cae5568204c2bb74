//! The one error of this crate.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, and what to do about it, in words for a terminal.
#[derive(Debug)]
pub struct Error {
    message: String,
    missing_tool: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            missing_tool: false,
            source: None,
        }
    }

    /// Something is not installed; the message says how it can be.
    pub(crate) fn missing_tool(message: impl Into<String>) -> Self {
        Self {
            missing_tool: true,
            ..Self::new(message)
        }
    }

    pub(crate) fn because(
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(message)
        }
    }

    /// Whether nothing is wrong but that a tool is not installed.
    pub(crate) fn is_missing_tool(&self) -> bool {
        self.missing_tool
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
