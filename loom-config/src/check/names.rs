//! Names: unique in their section, and what refers to them finds them. A name that refers to nothing is answered with
//! the lines that would define it.

use std::collections::HashMap;

use super::Checker;
use crate::limits;
use crate::schema::{listed, quoted};
use crate::suggest;
use crate::tree::{KeyPath, Node, Origin, Value};

/// A section whose entries have names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section {
    /// The key at the top of the file.
    key: &'static str,
    /// What one entry is called in a sentence.
    noun: &'static str,
    /// The key of the name.
    name_key: &'static str,
    /// The line, after the one with the name, that completes an example.
    example: fn(&str) -> String,
}

pub(super) const LISTENERS: Section = Section {
    key: "listeners",
    noun: "listener",
    name_key: "name",
    example: |_| "address: 0.0.0.0:8080".to_owned(),
};

pub(super) const PLUGINS: Section = Section {
    key: "plugins",
    noun: "plugin",
    name_key: "name",
    example: |name| {
        format!(
            "path: {}",
            yaml(&format!("{}.wasm", name.replace('-', "_")))
        )
    },
};

pub(super) const UPSTREAMS: Section = Section {
    key: "upstreams",
    noun: "upstream",
    name_key: "name",
    example: |_| "endpoints: [127.0.0.1:3000]".to_owned(),
};

pub(super) const ROUTES: Section = Section {
    key: "routes",
    noun: "route",
    name_key: "id",
    example: |_| "path: /*".to_owned(),
};

/// The names of one section.
pub(super) struct Names<'a> {
    section: Section,
    places: HashMap<&'a str, usize>,
    /// An entry has no name that could be read: a reference that is not found may be meant for it.
    incomplete: bool,
}

impl Section {
    /// Collects and checks the names of a section, given with their places in it.
    pub(super) fn collect<'a>(
        self,
        names: impl Iterator<Item = (usize, Option<&'a str>)>,
        checker: &mut Checker<'_>,
    ) -> Names<'a> {
        let mut found = Names {
            section: self,
            places: HashMap::new(),
            incomplete: false,
        };
        let section = KeyPath::ROOT.key(self.key);
        for (index, name) in names {
            let Some(name) = name else {
                found.incomplete = true;
                continue;
            };
            let entry = section.index(index);
            let mut path = entry.key(self.name_key);
            // An entry that is only its name.
            if checker.tree.nearest(&entry).get(self.name_key).is_none() {
                path = entry;
            }
            self.check_name(name, &path, checker);
            if let Some(first) = found.places.get(name) {
                let place = checker.where_is(&section.index(*first), &path);
                let message = format!(
                    "another {} is named `{name}`, {place}; names are unique",
                    self.noun
                );
                checker.fault(&path, message);
            } else {
                found.places.insert(name, index);
            }
        }
        let items = checker.tree.get(self.key).map_or(0, items);
        found.incomplete |= items > found.places.len();
        found
    }

    pub(super) fn check_name(self, name: &str, path: &KeyPath<'_>, checker: &mut Checker<'_>) {
        let wrong = if name.is_empty() {
            "is empty"
        } else if name.len() > limits::NAME_BYTES {
            "is too long"
        } else if name.chars().any(|c| c.is_whitespace() || c.is_control()) {
            "has spaces or control characters in it"
        } else {
            return;
        };
        let most = limits::NAME_BYTES;
        let message = format!(
            "the name {} {wrong}; expected 1 to {most} bytes without spaces",
            quoted(name)
        );
        checker.fault(path, message);
    }

    /// What to do about a name that is not there, and the lines to paste.
    fn definition(self, name: &str, tree: &Node) -> (String, String) {
        let item = [
            format!("- {}: {}", self.name_key, yaml(name)),
            format!("  {}", (self.example)(name)),
        ];
        match tree.get(self.key) {
            Some(section) if items(section) > 0 => {
                let indent = " ".repeat(indent(section, tree, self.key));
                let lines: Vec<String> =
                    item.iter().map(|line| format!("{indent}{line}")).collect();
                (
                    format!("to define it, add to `{}`:", self.key),
                    lines.join("\n"),
                )
            }
            _ => {
                let lines: Vec<String> = item.iter().map(|line| format!("  {line}")).collect();
                (
                    "to define it, add to the file:".to_owned(),
                    format!("{}:\n{}", self.key, lines.join("\n")),
                )
            }
        }
    }
}

impl<'a> Names<'a> {
    /// A name that exists when the section is absent.
    pub(super) fn add_default(&mut self, name: &'a str) {
        if self.places.is_empty() && !self.incomplete {
            self.places.insert(name, 0);
        }
    }

    /// Whether there is an entry of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The place of the entry that a reference names. When there is none, that is a fault.
    pub(super) fn resolve(
        &self,
        name: &str,
        path: &KeyPath<'_>,
        checker: &mut Checker<'_>,
    ) -> Option<usize> {
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        if self.incomplete {
            return None;
        }
        if checker.report.is_full() {
            checker.fault(path, "");
            return None;
        }
        let noun = self.section.noun;
        let mut known: Vec<&str> = self.places.keys().copied().collect();
        known.sort_by_key(|name| self.places[name]);
        let message = match known.len() {
            0 => format!("there is no {noun} `{name}`; the file defines none"),
            1..=8 => format!(
                "there is no {noun} `{name}`; the file defines {}",
                listed(known.iter().copied())
            ),
            _ => format!("there is no {noun} `{name}`"),
        };
        let meant = suggest::closest(name, known);
        let (hint, snippet) = self.section.definition(name, checker.tree);
        let fault = checker.fault(path, message);
        match meant {
            Some(meant) => fault.with_hint(format!("did you mean `{meant}`?")),
            None => fault.with_hint(hint).with_snippet(snippet),
        };
        None
    }
}

fn items(section: &Node) -> usize {
    match &section.value {
        Value::List(items) => items.len(),
        _ => 0,
    }
}

/// How far the items of a section are indented, so that a pasted one fits.
fn indent(section: &Node, tree: &Node, key: &str) -> usize {
    const USUAL: usize = 2;
    let Value::Map(entries) = &tree.value else {
        return USUAL;
    };
    let key_line = entries
        .iter()
        .find(|entry| entry.key == key)
        .map(|entry| &entry.origin);
    match (&section.origin, key_line) {
        (Origin::File { line, column, .. }, Some(Origin::File { line: key_line, .. }))
            if line > key_line =>
        {
            column - 1
        }
        _ => USUAL,
    }
}

/// A text as YAML takes it: quoted when it has to be.
fn yaml(text: &str) -> String {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && crate::tree::Data::of_plain(text) == crate::tree::Data::Text;
    if plain {
        text.to_owned()
    } else {
        format!("{text:?}")
    }
}
