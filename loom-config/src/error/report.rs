//! The faults of a configuration while it is read, in whichever of its files they are.

use std::path::{Path, PathBuf};

use super::{Error, Fault, Kind};
use crate::include::IncludePattern;
use crate::limits;
use crate::tree::{FileId, KeyPath, Node, Origin, Step};

/// Collects the faults of the files of one configuration.
#[derive(Debug)]
pub(crate) struct Report {
    /// All that decides what the configuration is: its own files, and those that values come from.
    files: Vec<PathBuf>,
    /// The files of the configuration itself, by their ids.
    sources: Vec<PathBuf>,
    /// The one that is being read.
    current: FileId,
    /// How files are included.
    include: Vec<IncludePattern>,
    /// What included files brought into lists, in the order of the lists.
    parts: Vec<Part>,
    faults: Vec<(Origin, Fault)>,
    warnings: Vec<(Origin, Fault)>,
    left_out: usize,
    /// Paths whose value was read in part only: what is missing there is not worth a second fault.
    broken: Vec<(FileId, String)>,
    /// Takes what comes after the last fault that is kept.
    spill: Fault,
}

/// The items of a list that are those of an included file.
#[derive(Debug)]
struct Part {
    section: &'static str,
    start: usize,
}

impl Report {
    pub(crate) fn new(file: &Path) -> Self {
        let spill = Fault {
            place: String::new(),
            position: None,
            path: String::new(),
            message: String::new(),
            hint: None,
            snippet: None,
        };
        Self {
            files: vec![file.to_owned()],
            sources: vec![file.to_owned()],
            current: FileId::MAIN,
            include: Vec::new(),
            parts: Vec::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
            left_out: 0,
            broken: Vec::new(),
            spill,
        }
    }

    /// The file that is being read.
    pub(crate) fn current(&self) -> FileId {
        self.current
    }

    /// From now on, another file of the configuration is read; returns the one that was read before.
    pub(crate) fn begin(&mut self, file: &Path) -> FileId {
        // Their number is bounded.
        let id = FileId(u32::try_from(self.sources.len()).unwrap_or(u32::MAX));
        self.sources.push(file.to_owned());
        std::mem::replace(&mut self.current, id)
    }

    /// Goes on with a file.
    pub(crate) fn go_on(&mut self, file: FileId) {
        self.current = file;
    }

    /// From here on, the items of a list are those of the file that is being read.
    pub(crate) fn join(&mut self, section: &'static str, start: usize) {
        self.parts.push(Part { section, start });
    }

    /// Notes that what is in this file decides what the configuration is.
    pub(crate) fn depends_on(&mut self, file: PathBuf) {
        self.files.push(file);
    }

    /// Notes that whatever fits this pattern belongs to the configuration.
    pub(crate) fn includes(&mut self, pattern: IncludePattern) {
        self.include.push(pattern);
    }

    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub(crate) fn include(&self) -> &[IncludePattern] {
        &self.include
    }

    /// The files of the configuration itself, the one that was to be loaded first.
    pub(crate) fn sources(&self) -> &[PathBuf] {
        &self.sources
    }

    fn source(&self, file: FileId) -> &Path {
        let index = usize::try_from(file.0).unwrap_or(usize::MAX);
        self.sources.get(index).unwrap_or(&self.sources[0])
    }

    /// The folder of a file.
    pub(crate) fn directory(&self, file: FileId) -> &Path {
        self.source(file).parent().unwrap_or(Path::new(""))
    }

    /// A place, for a sentence that stands in a fault of `file`.
    pub(crate) fn where_is(&self, origin: &Origin, file: FileId) -> String {
        match origin {
            Origin::File {
                file: other,
                line,
                column,
            } if *other != file => {
                format!("in {}:{line}:{column}", self.source(*other).display())
            }
            origin => origin.to_string(),
        }
    }

    /// The file and line of something that is not in the main file.
    pub(crate) fn in_included_file(&self, origin: &Origin) -> Option<String> {
        match origin {
            Origin::File { file, line, .. } if *file != FileId::MAIN => {
                Some(format!("{}:{line}", self.source(*file).display()))
            }
            _ => None,
        }
    }

    /// A fault of the value at `path`, whose place is looked up in the tree of all files.
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
        let path = self.in_its_file(path);
        self.add(origin, path, message)
    }

    /// A path as the author of the file knows it, who does not see how many routes came before those of the file.
    fn in_its_file(&self, path: &KeyPath<'_>) -> String {
        let mut steps = path.steps();
        let (Some(Step::Key(section)), Some(Step::Index(index))) = (steps.next(), steps.next())
        else {
            return path.to_string();
        };
        let of_list = self.parts.iter().filter(|part| part.section == section);
        let starts = of_list.map(|part| part.start);
        match starts.take_while(|start| *start <= index).last() {
            Some(start) => path.renumbered(index - start).to_string(),
            None => path.to_string(),
        }
    }

    /// A fault at a known place.
    pub(crate) fn add(
        &mut self,
        origin: Origin,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Fault {
        let path = path.into();
        let file = origin.file();
        if self
            .broken
            .iter()
            .any(|(other, broken)| *other == file && is_at_or_below(&path, broken))
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

    fn fault(&self, origin: &Origin, path: String, message: String) -> Fault {
        let (place, position) = match origin {
            Origin::File { file, line, column } => (
                self.source(*file).display().to_string(),
                Some((*line, *column)),
            ),
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

    /// Something about the value at `path` that is no fault.
    pub(crate) fn warn(&mut self, tree: &Node, path: &KeyPath<'_>, message: impl Into<String>) {
        if self.warnings.len() < limits::FAULTS {
            let origin = tree.nearest(path).origin.clone();
            let warning = self.fault(&origin, self.in_its_file(path), message.into());
            self.warnings.push((origin, warning));
        }
    }

    /// The warnings in the order of the files.
    pub(crate) fn take_warnings(&mut self) -> Vec<Fault> {
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.sort_by_key(|(origin, warning)| (origin.file(), warning.position));
        warnings.into_iter().map(|(_, warning)| warning).collect()
    }

    /// Says that the value at `path`, which has its fault, was read in part only.
    pub(crate) fn mark_broken(&mut self, path: String) {
        if self.broken.len() < limits::FAULTS {
            self.broken.push((self.current, path));
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

    /// The error that holds all faults, those of the environment first and then in the order of the files.
    pub(crate) fn into_error(mut self, file: &Path) -> Error {
        self.faults
            .sort_by_key(|(origin, fault)| (origin.file(), fault.position));
        let mut faults: Vec<Fault> = self.faults.into_iter().map(|(_, fault)| fault).collect();
        faults.dedup();
        Error {
            file: file.to_owned(),
            kind: Kind::Faults(faults, self.left_out),
            files: self.files,
            include: self.include,
        }
    }
}

fn is_at_or_below(path: &str, other: &str) -> bool {
    path.strip_prefix(other)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
