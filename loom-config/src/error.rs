//! What is wrong with a configuration: one [`Error`] per file, with every [`Fault`] of it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::include::IncludePattern;

mod report;

pub(crate) use report::Report;

/// Why a configuration could not be loaded.
///
/// Its text is made for a terminal: one fault after the other, each with its place, and with lines to paste where that
/// helps.
#[derive(Debug)]
pub struct Error {
    file: PathBuf,
    kind: Kind,
    files: Vec<PathBuf>,
    include: Vec<IncludePattern>,
}

#[derive(Debug)]
enum Kind {
    /// The file could not be read.
    Read(io::Error),
    /// It was read, and this is wrong with it. The number counts the faults that were left out.
    Faults(Vec<Fault>, usize),
}

impl Error {
    pub(crate) fn read(file: &Path, error: io::Error) -> Self {
        Self {
            file: file.to_owned(),
            kind: Kind::Read(error),
            files: vec![file.to_owned()],
            include: Vec::new(),
        }
    }

    /// The file that was to be loaded.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What was read, or looked for, as far as it went: a change of one of these may put it right. The file itself is first.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The patterns by which files are included, as far as they were read.
    pub fn include(&self) -> &[IncludePattern] {
        &self.include
    }

    /// Whether there is no such file.
    pub fn is_not_found(&self) -> bool {
        matches!(&self.kind, Kind::Read(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// Whether the file could not be read at all, [not found](Self::is_not_found) included.
    pub fn is_unreadable(&self) -> bool {
        matches!(&self.kind, Kind::Read(_))
    }

    /// Whether the file was read and what it says is wrong: [`faults`](Self::faults) tells what.
    pub fn is_invalid(&self) -> bool {
        matches!(&self.kind, Kind::Faults(..))
    }

    /// All that is wrong with the file, in its order. Empty when it could not be read.
    pub fn faults(&self) -> impl ExactSizeIterator<Item = &Fault> {
        match &self.kind {
            Kind::Read(_) => [].iter(),
            Kind::Faults(faults, _) => faults.iter(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (faults, left_out) = match &self.kind {
            Kind::Read(error) => {
                return write!(f, "{}: cannot be read: {error}", self.file.display());
            }
            Kind::Faults(faults, left_out) => (faults, *left_out),
        };
        for (index, fault) in faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        if left_out > 0 {
            write!(
                f,
                "\n{}: {left_out} more faults are not shown",
                self.file.display()
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Read(error) => Some(error),
            Kind::Faults(..) => None,
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    place: String,
    position: Option<(usize, usize)>,
    path: String,
    message: String,
    hint: Option<String>,
    snippet: Option<String>,
}

impl Fault {
    /// The file, or the name of the environment variable that the value came from.
    pub fn file(&self) -> &str {
        &self.place
    }

    /// The line in the file, counted from 1; `None` for the environment.
    pub fn line(&self) -> Option<usize> {
        self.position.map(|(line, _)| line)
    }

    /// The column in the line, counted in characters from 1; `None` for the environment.
    pub fn column(&self) -> Option<usize> {
        self.position.map(|(_, column)| column)
    }

    /// The key that it is about, such as `routes[0].upstream`; empty when it is about the file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong, and what would be right.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What was probably meant, or what to do.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Lines of YAML that would put it right, ready to paste.
    pub fn snippet(&self) -> Option<&str> {
        self.snippet.as_deref()
    }

    pub(crate) fn with_hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_snippet(&mut self, snippet: impl Into<String>) -> &mut Self {
        self.snippet = Some(snippet.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        f.write_str(": ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        // At the left edge: indented lines could not be pasted.
        if let Some(snippet) = &self.snippet {
            write!(f, "\n\n{}\n", snippet.trim_end())?;
        }
        Ok(())
    }
}
