//! The positioned tree: what a YAML document says, and for each part of it where that stands.

mod builder;
mod hints;
mod origin;
mod path;
mod tags;
mod yaml;

pub(crate) use origin::{FileId, Origin};
pub(crate) use path::{KeyPath, Step};
pub(crate) use yaml::parse;

/// One part of the document.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) origin: Origin,
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In the order of the file, every key once.
    Map(Vec<Entry>),
}

/// One key of a mapping, with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) origin: Origin,
    pub(crate) node: Node,
}

/// A single value: as it was written, and what YAML takes it for.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) data: Data,
    /// Written without quotes: what `${X}` expands to has the type of its value.
    pub(crate) plain: bool,
    /// Came from `${...}` or from the environment, where everything is text: it is text too when text is wanted.
    pub(crate) expanded: bool,
}

/// What YAML takes a scalar for (the core schema of YAML 1.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Data {
    Null,
    Bool(bool),
    Integer(i64),
    /// Beyond `i64`, but a whole number all the same.
    Unsigned(u64),
    Float(f64),
    Text,
}

impl Data {
    /// What `text` is when it stands unquoted.
    pub(crate) fn of_plain(text: &str) -> Self {
        use saphyr::Scalar;
        if text.is_empty() {
            return Self::Null;
        }
        match Scalar::parse_from_cow(text.into()) {
            Scalar::Null => Self::Null,
            Scalar::Boolean(value) => Self::Bool(value),
            Scalar::Integer(value) => Self::Integer(value),
            Scalar::FloatingPoint(value) => {
                text.parse().map_or(Self::Float(*value), Self::Unsigned)
            }
            Scalar::String(_) => Self::Text,
        }
    }
}

impl Node {
    /// The value at `path`, or the deepest part of the document on the way to it.
    pub(crate) fn nearest(&self, path: &KeyPath<'_>) -> &Self {
        let mut node = self;
        for step in path.steps() {
            let next = match (step, &node.value) {
                (path::Step::Key(key), Value::Map(entries)) => {
                    entry(entries, key).map(|entry| &entry.node)
                }
                (path::Step::Index(index), Value::List(items)) => items.get(index),
                _ => None,
            };
            let Some(next) = next else { break };
            node = next;
        }
        node
    }

    /// The value of `key`, when this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        entry(entries, key).map(|entry| &entry.node)
    }

    /// The entries, when this is a mapping.
    pub(crate) fn entries_mut(&mut self) -> Option<&mut Vec<Entry>> {
        match &mut self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Takes out the keys of this mapping for which `is_free` holds.
    pub(crate) fn drop_keys(&mut self, is_free: impl Fn(&str) -> bool) {
        if let Value::Map(entries) = &mut self.value {
            entries.retain(|entry| !is_free(&entry.key));
        }
    }

    /// Whether nothing stands here: `null`, `~`, or an empty place after a key.
    pub(crate) fn is_null(&self) -> bool {
        matches!(
            &self.value,
            Value::Scalar(Scalar {
                data: Data::Null,
                ..
            })
        )
    }

    /// How many nodes this is, itself included.
    pub(crate) fn size(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.iter().map(|entry| entry.node.size()).sum(),
        }
    }

    /// Levels of mappings and lists.
    fn depth(&self) -> usize {
        match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Value::Map(entries) => {
                1 + entries
                    .iter()
                    .map(|entry| entry.node.depth())
                    .max()
                    .unwrap_or(0)
            }
        }
    }
}

fn entry<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.key == key)
}
