//! `include`: one configuration out of several files.
//!
//! Each file is read on its own, with its own anchors, relative paths and faults. What it says is put behind what was read
//! before, in the tree, which knows where everything stands, and in the values. Only then names are resolved.

mod join;
mod pattern;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

pub use pattern::IncludePattern;

use crate::error::Report;
use crate::limits;
use crate::load;
use crate::schema::{self, listed};
use crate::tree::{KeyPath, Node};

/// A file as it was read: where everything stands, and what is right about it.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) tree: Node,
    pub(crate) read: Json,
}

/// Reads the files that `whole`, the file `main`, includes, and puts what they say into it.
pub(crate) fn follow(
    whole: &mut Part,
    main: &Path,
    environment: &BTreeMap<String, String>,
    report: &mut Report,
) {
    let named = named(whole, main, report);
    if named.is_empty() {
        return;
    }
    let mut follower = Follower {
        whole,
        environment,
        report,
        seen: BTreeSet::new(),
        way: vec![Step::new(main)],
        bytes: 0,
    };
    follower.seen.insert(identity(main));
    follower.each(named);
}

struct Follower<'a> {
    whole: &'a mut Part,
    environment: &'a BTreeMap<String, String>,
    report: &'a mut Report,
    /// Files that were read: each is read once, however many patterns it fits.
    seen: BTreeSet<PathBuf>,
    /// The files on the way to the one that is being read.
    way: Vec<Step>,
    /// What was read so far.
    bytes: u64,
}

struct Step {
    path: PathBuf,
    identity: PathBuf,
}

impl Step {
    fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            identity: identity(path),
        }
    }
}

/// One entry of an `include`.
struct Named {
    origin: crate::tree::Origin,
    /// Its key, for faults.
    key: String,
    files: Files,
}

enum Files {
    One(PathBuf),
    Fitting(IncludePattern),
}

/// What a file includes. Entries that cannot be used are reported.
fn named(part: &Part, file: &Path, report: &mut Report) -> Vec<Named> {
    let directory = file.parent().unwrap_or(Path::new(""));
    let key = KeyPath::ROOT.key("include");
    let entries = match part.read.get("include") {
        Some(Json::String(one)) => vec![(None, one.as_str())],
        Some(Json::Array(many)) => many
            .iter()
            .enumerate()
            .filter_map(|(index, one)| Some((Some(index), one.as_str()?)))
            .collect(),
        _ => Vec::new(),
    };
    let read = |(index, written): (Option<usize>, &str)| {
        let at = key.item(index);
        let origin = part.tree.nearest(&at).origin.clone();
        let files = match IncludePattern::new(directory, written) {
            _ if written.is_empty() => Err("the path is empty; expected a file".to_owned()),
            Ok(None) => Ok(Files::One(directory.join(written))),
            Ok(Some(pattern)) => Ok(Files::Fitting(pattern)),
            Err(error) => Err(format!("this is no pattern: {error}")),
        };
        match files {
            Ok(files) => Some(Named {
                origin,
                key: at.to_string(),
                files,
            }),
            Err(message) => {
                report.add(origin, at.to_string(), message);
                None
            }
        }
    };
    entries.into_iter().filter_map(read).collect()
}

impl Follower<'_> {
    fn each(&mut self, named: Vec<Named>) {
        for named in named {
            match &named.files {
                Files::One(file) => self.one(file, &named, true),
                Files::Fitting(pattern) => {
                    self.report.includes(pattern.clone());
                    for file in pattern.files() {
                        self.one(&file, &named, false);
                    }
                }
            }
        }
    }

    fn one(&mut self, file: &Path, named: &Named, by_name: bool) {
        let step = Step::new(file);
        if self.way.iter().any(|other| other.identity == step.identity) {
            // A pattern leaves out the file in which it stands, which cannot be meant.
            if by_name {
                let mut way: Vec<_> = self.way.iter().map(|step| shown(&step.path)).collect();
                way.push(shown(file));
                let message = format!("the file includes itself: {}", way.join(" -> "));
                self.fault(named, message);
            }
            return;
        }
        if !self.seen.insert(step.identity.clone()) {
            return;
        }
        // One that is not there yet is looked for, too.
        self.report.depends_on(file.to_owned());
        if self.way.len() > limits::INCLUDE_DEPTH {
            let most = limits::INCLUDE_DEPTH;
            self.fault(named, format!("more than {most} files include each other"));
            return;
        }
        if self.seen.len() > limits::INCLUDES + 1 {
            let most = limits::INCLUDES;
            self.fault(named, format!("more than {most} files are included"));
            return;
        }
        let bytes = match load::read(file) {
            Ok(bytes) => bytes,
            Err(error) => {
                let message = format!("{} cannot be read: {error}", shown(file));
                self.fault(named, message);
                return;
            }
        };
        self.bytes += bytes.len() as u64;
        if self.bytes > limits::INCLUDES_BYTES {
            let most = limits::INCLUDES_BYTES;
            self.fault(
                named,
                format!("the included files are larger than {most} bytes together"),
            );
            return;
        }
        let before = self.report.begin(file);
        self.way.push(step);
        if let Some(part) = self.part(&bytes, file) {
            let inner = self::named(&part, file, self.report);
            join::join(self.whole, part, self.report);
            self.each(inner);
        }
        self.way.pop();
        self.report.go_on(before);
    }

    fn part(&mut self, bytes: &[u8], file: &Path) -> Option<Part> {
        let main = shown(&self.way[0].path);
        load::part(
            bytes,
            file,
            self.environment,
            self.report,
            |tree, report| {
                refuse_others(tree, &main, report);
            },
        )
    }

    fn fault(&mut self, named: &Named, message: String) {
        self.report
            .add(named.origin.clone(), named.key.clone(), message);
    }
}

/// Reports and takes out the keys that are about the process, which there is once.
fn refuse_others(tree: &mut Node, main: &str, report: &mut Report) {
    let Some(entries) = tree.entries_mut() else {
        return;
    };
    entries.retain(|entry| {
        if join::KEYS.contains(&entry.key.as_str()) || !schema::is_key(&entry.key) {
            return true;
        }
        let message = format!(
            "the key cannot stand in an included file, which has {}",
            listed(join::KEYS)
        );
        report
            .add(entry.origin.clone(), entry.key.clone(), message)
            .with_hint(format!("move it to {main}"));
        false
    });
}

/// What tells files apart, whatever way leads to them.
fn identity(file: &Path) -> PathBuf {
    let found = file.canonicalize().or_else(|_| std::path::absolute(file));
    found.unwrap_or_else(|_| file.to_owned())
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}
