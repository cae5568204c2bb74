//! What is wrong with a configuration: one [`Error`] per file, with every [`Fault`] of it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::limits;
use crate::tree::{KeyPath, Node, Origin};

/// Why a configuration could not be loaded.
///
/// Its text is made for a terminal: one fault after the other, each with its place, and with lines to paste where that
/// helps.
#[derive(Debug)]
pub struct Error {
    file: PathBuf,
    files: Vec<PathBuf>,
    kind: Kind,
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
            files: vec![file.to_owned()],
            kind: Kind::Read(error),
        }
    }

    /// The file that was to be loaded.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// All files that were looked at, and some of which would have to change.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
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

/// Collects the faults of one file.
#[derive(Debug)]
pub(crate) struct Report {
    /// What was read so far, the file itself first.
    files: Vec<PathBuf>,
    file: String,
    faults: Vec<(Origin, Fault)>,
    warnings: Vec<Fault>,
    left_out: usize,
    /// Paths whose value was read in part only: what is missing there is not worth a second fault.
    broken: Vec<String>,
    /// Takes what comes after the last fault that is kept.
    spill: Fault,
}

impl Report {
    pub(crate) fn new(file: &Path) -> Self {
        let files = vec![file.to_owned()];
        let file = file.display().to_string();
        let spill = Fault {
            place: String::new(),
            position: None,
            path: String::new(),
            message: String::new(),
            hint: None,
            snippet: None,
        };
        Self {
            files,
            file,
            faults: Vec::new(),
            warnings: Vec::new(),
            left_out: 0,
            broken: Vec::new(),
            spill,
        }
    }

    /// Notes that what is in this file decides what the configuration is.
    pub(crate) fn depends_on(&mut self, file: PathBuf) {
        self.files.push(file);
    }

    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// A fault of the value at `path`, whose place is looked up in the tree.
    pub(crate) fn at(
        &mut self,
        tree: &Node,
        path: &KeyPath<'_>,
        message: impl Into<String>,
    ) -> &mut Fault {
        if self.is_full() {
            self.left_out += 1;
            return &mut self.spill;
        }
        let origin = tree.nearest(path).origin.clone();
        self.add(origin, path.to_string(), message)
    }

    /// A fault at a known place.
    pub(crate) fn add(
        &mut self,
        origin: Origin,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Fault {
        let path = path.into();
        if self
            .broken
            .iter()
            .any(|broken| is_at_or_below(&path, broken))
        {
            return &mut self.spill;
        }
        if self.is_full() {
            self.left_out += 1;
            return &mut self.spill;
        }
        let fault = self.fault(&origin, path, message.into());
        self.faults.push((origin, fault));
        self.faults
            .last_mut()
            .map_or(&mut self.spill, |(_, fault)| fault)
    }

    /// Something about the value at `path` that is no fault.
    pub(crate) fn warn(&mut self, tree: &Node, path: &KeyPath<'_>, message: impl Into<String>) {
        if self.warnings.len() < limits::FAULTS {
            let origin = &tree.nearest(path).origin;
            let warning = self.fault(origin, path.to_string(), message.into());
            self.warnings.push(warning);
        }
    }

    /// The warnings in the order of the file.
    pub(crate) fn take_warnings(&mut self) -> Vec<Fault> {
        self.warnings.sort_by_key(|warning| warning.position);
        std::mem::take(&mut self.warnings)
    }

    fn fault(&self, origin: &Origin, path: String, message: String) -> Fault {
        let (place, position) = match origin {
            Origin::File { line, column } => (self.file.clone(), Some((*line, *column))),
            Origin::Environment(variable) => (variable.to_string(), None),
        };
        Fault {
            place,
            position,
            path,
            message,
            hint: None,
            snippet: None,
        }
    }

    /// Says that the value at `path`, which has its fault, was read in part only.
    pub(crate) fn mark_broken(&mut self, path: String) {
        if self.broken.len() < limits::FAULTS {
            self.broken.push(path);
        }
    }

    /// Whether further faults are only counted: no need to look for hints.
    pub(crate) fn is_full(&self) -> bool {
        self.faults.len() >= limits::FAULTS
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// The error that holds all faults, those of the environment first and then in the order of the file.
    pub(crate) fn into_error(self, file: &Path) -> Error {
        let mut faults: Vec<Fault> = self.faults.into_iter().map(|(_, fault)| fault).collect();
        faults.sort_by_key(|fault| fault.position);
        faults.dedup();
        Error {
            file: file.to_owned(),
            files: self.files,
            kind: Kind::Faults(faults, self.left_out),
        }
    }
}

fn is_at_or_below(path: &str, other: &str) -> bool {
    path.strip_prefix(other)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
