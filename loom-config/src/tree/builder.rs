//! Puts parser events together: mappings, lists, anchors, aliases and merge keys, within bounds.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use saphyr_parser::{Event, ScalarStyle, Tag};

use super::{Entry, Node, Origin, Scalar, Value, tags};
use crate::error::Report;
use crate::limits;

/// `Break` when nothing more can be made of the file.
pub(crate) type Flow = ControlFlow<()>;

/// What has been read so far.
pub(crate) struct Builder<'a> {
    report: &'a mut Report,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    /// Those that the file itself says.
    written: usize,
    /// Those that aliases brought in.
    aliased: usize,
    root: Option<Node>,
}

/// A mapping or list that is not complete yet.
struct Frame {
    origin: Origin,
    anchor: usize,
    open: Open,
}

enum Open {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        merged: Vec<Node>,
        key: Key,
    },
}

/// The key whose value comes next.
enum Key {
    None,
    Name(String, Origin),
    /// `<<`
    Merge,
    /// Already reported: its value is read and thrown away.
    Bad,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(report: &'a mut Report) -> Self {
        Self {
            report,
            stack: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            written: 0,
            aliased: 0,
            root: None,
        }
    }

    /// Where faults go.
    pub(crate) fn report(&mut self) -> &mut Report {
        self.report
    }

    /// The document, when there was one.
    pub(crate) fn finish(self) -> Option<Node> {
        self.root
    }

    /// Takes the next event, which stands at `origin`.
    pub(crate) fn event(&mut self, event: Event<'_>, origin: Origin) -> Flow {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.written += 1;
                let data = tags::data(&text, style, tag.as_deref()).unwrap_or_else(|| {
                    self.wrong_tag(tag.as_deref(), &origin);
                    super::Data::Text
                });
                let plain = style == ScalarStyle::Plain;
                let scalar = Scalar {
                    text: text.into_owned(),
                    data,
                    plain,
                    expanded: false,
                };
                self.complete(
                    Node {
                        origin,
                        value: Value::Scalar(scalar),
                    },
                    anchor,
                )
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(origin, anchor, tag.as_deref(), Open::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                let open = Open::Map {
                    entries: Vec::new(),
                    merged: Vec::new(),
                    key: Key::None,
                };
                self.open(origin, anchor, tag.as_deref(), open)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, origin),
            _ => Flow::Continue(()),
        }
    }

    fn wrong_tag(&mut self, tag: Option<&Tag>, origin: &Origin) {
        let tag = tag.map(tags::shown).unwrap_or_default();
        let path = self.path();
        let message = format!("the tag `{tag}` does not fit here; leave it out");
        let fault = self.report.add(origin.clone(), path, message);
        fault.with_hint("text that begins with `!` has to be quoted");
    }

    fn open(&mut self, origin: Origin, anchor: usize, tag: Option<&Tag>, open: Open) -> Flow {
        if !tags::fits_collection(tag) {
            self.wrong_tag(tag, &origin);
        }
        if self.stack.len() >= limits::DEPTH {
            return self.too_deep(origin);
        }
        self.written += 1;
        self.stack.push(Frame {
            origin,
            anchor,
            open,
        });
        Flow::Continue(())
    }

    fn too_deep(&mut self, origin: Origin) -> Flow {
        let most = limits::DEPTH;
        let message =
            format!("lists and mappings are nested too deeply; {most} levels are allowed");
        self.report.add(origin, "", message);
        Flow::Break(())
    }

    fn close(&mut self) -> Flow {
        let Some(Frame {
            origin,
            anchor,
            open,
        }) = self.stack.pop()
        else {
            return Flow::Continue(());
        };
        let value = match open {
            Open::List(items) => Value::List(items),
            Open::Map {
                mut entries,
                merged,
                ..
            } => {
                let mut keys = self.drop_repeated(&mut entries);
                for source in merged {
                    self.merge(&mut entries, &mut keys, source, true);
                }
                Value::Map(entries)
            }
        };
        self.complete(Node { origin, value }, anchor)
    }

    /// Keeps the first entry of each key and reports the others.
    fn drop_repeated(&mut self, entries: &mut Vec<Entry>) -> HashSet<String> {
        let mut first: HashMap<String, Origin> = HashMap::new();
        let path = self.path();
        entries.retain(|entry| match first.get(&entry.key) {
            None => {
                first.insert(entry.key.clone(), entry.origin.clone());
                true
            }
            Some(origin) => {
                let message = format!(
                    "the key stands twice in this mapping, first {origin}; keep one of them"
                );
                self.report
                    .add(entry.origin.clone(), join(&path, &entry.key), message);
                false
            }
        });
        first.into_keys().collect()
    }

    /// Adds what `<<` brings in, where the mapping has no such key itself; the first source wins.
    fn merge(
        &mut self,
        entries: &mut Vec<Entry>,
        keys: &mut HashSet<String>,
        source: Node,
        lists: bool,
    ) {
        match source.value {
            Value::Map(more) => entries.extend(
                more.into_iter()
                    .filter(|entry| keys.insert(entry.key.clone())),
            ),
            Value::List(sources) if lists => {
                for source in sources {
                    self.merge(entries, keys, source, false);
                }
            }
            _ => {
                let path = self.path();
                let message = "`<<` takes a mapping or a list of mappings, such as `<<: *name`";
                let fault = self.report.add(source.origin, path, message);
                fault.with_hint("for a key of this name, quote it: \"<<\"");
            }
        }
    }

    fn alias(&mut self, anchor: usize, origin: Origin) -> Flow {
        let Some(node) = self.anchors.get(&anchor) else {
            let path = self.path();
            let message = "this alias stands inside of what it refers to; that has no end";
            self.report.add(origin, path, message);
            return Flow::Break(());
        };
        let (size, depth) = (node.size(), node.depth());
        // `complete` counts the node itself.
        self.count(size - 1, &origin)?;
        self.count_aliased(size, &origin)?;
        if self.stack.len() + depth > limits::DEPTH {
            return self.too_deep(origin);
        }
        let node = self.anchors.get(&anchor).cloned();
        node.map_or(Flow::Continue(()), |node| self.complete(node, 0))
    }

    fn count(&mut self, nodes: usize, origin: &Origin) -> Flow {
        self.nodes += nodes;
        if self.nodes > limits::NODES {
            let most = limits::NODES;
            let message =
                format!("the file has too many values; {most} are allowed, aliases included");
            self.report.add(origin.clone(), "", message);
            return Flow::Break(());
        }
        Flow::Continue(())
    }

    /// What stands in few lines and is more than they ever say is a mistake, or meant to use up memory.
    fn count_aliased(&mut self, nodes: usize, origin: &Origin) -> Flow {
        self.aliased += nodes;
        let most = limits::ALIASED.max(limits::ALIASED_TIMES * self.written);
        if self.aliased > most {
            let message =
                format!("aliases bring in too many values; {most} are allowed up to here");
            self.report.add(origin.clone(), "", message);
            return Flow::Break(());
        }
        Flow::Continue(())
    }

    /// Puts a finished node where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Flow {
        self.count(1, &node.origin)?;
        if anchor != 0 {
            self.count(node.size(), &node.origin)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Flow::Continue(());
        };
        match &mut frame.open {
            Open::List(items) => items.push(node),
            Open::Map {
                entries,
                merged,
                key,
            } => match std::mem::replace(key, Key::None) {
                Key::None => self.begin_entry(node),
                Key::Name(key, origin) => entries.push(Entry { key, origin, node }),
                Key::Merge => merged.push(node),
                Key::Bad => {}
            },
        }
        Flow::Continue(())
    }

    /// Takes a node as the key of the entry that begins with it.
    fn begin_entry(&mut self, node: Node) {
        let Node { origin, value } = node;
        let key = match value {
            Value::Scalar(scalar) if scalar.plain && scalar.text == "<<" => Key::Merge,
            Value::Scalar(scalar) => Key::Name(scalar.text, origin),
            Value::List(_) | Value::Map(_) => {
                let path = self.path();
                let message = "a list or mapping stands where a key should; a key is one word";
                let hint =
                    "text that begins with `[` or `{` has to be quoted: \"[::1]:3000\", \"${X}\"";
                self.report
                    .add(origin, path.clone(), message)
                    .with_hint(hint);
                self.report.mark_broken(path);
                Key::Bad
            }
        };
        if let Some(Frame {
            open: Open::Map { key: place, .. },
            ..
        }) = self.stack.last_mut()
        {
            *place = key;
        }
    }

    /// Where the parser is, as faults show it.
    fn path(&self) -> String {
        let mut path = String::new();
        for frame in &self.stack {
            match &frame.open {
                Open::List(items) => path = format!("{path}[{}]", items.len()),
                Open::Map {
                    key: Key::Name(name, _),
                    ..
                } => path = join(&path, name),
                Open::Map { .. } => {}
            }
        }
        path
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
