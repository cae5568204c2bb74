//! From YAML to the tree. Reads parser events instead of a loaded document, since only they tell quoted from unquoted
//! scalars and show a key that stands twice.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::hints;
use super::{Data, Entry, Node, Origin, Scalar, Value};
use crate::error::Report;
use crate::limits;

/// The smallest file that does something, for those who start from nothing.
const MINIMAL: &str = crate::MINIMAL;

/// The tree of `text`; `None` when there is none. Every fault on the way goes into `report`.
pub(crate) fn parse(text: &str, report: &mut Report) -> Option<Node> {
    let mut builder = Builder {
        report,
        stack: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        root: None,
    };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                hints::syntax_fault(text, &error, builder.report);
                return None;
            }
        };
        let origin = origin(&span.start);
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if documents > 1 {
                let message = "a second document starts here; one file holds one configuration";
                builder
                    .report
                    .add(origin, "", message)
                    .with_hint("remove the line `---`");
                break;
            }
            continue;
        }
        if builder.event(event, origin).is_break() {
            return None;
        }
    }
    let root = builder.root;
    if root.as_ref().is_none_or(Node::is_null) {
        let message = "the file is empty; this is the smallest one that does something";
        report.add(Origin::START, "", message).with_snippet(MINIMAL);
        return None;
    }
    root
}

fn origin(mark: &Marker) -> Origin {
    Origin::File {
        line: mark.line(),
        column: mark.col() + 1,
    }
}

type Flow = ControlFlow<()>;

struct Builder<'a> {
    report: &'a mut Report,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
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

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, origin: Origin) -> Flow {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let data = self.data(&text, style, tag.as_deref(), &origin);
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
                self.check_tag(tag.as_deref(), &origin);
                self.open(origin, anchor, Open::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), &origin);
                let open = Open::Map {
                    entries: Vec::new(),
                    merged: Vec::new(),
                    key: Key::None,
                };
                self.open(origin, anchor, open)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, origin),
            _ => Flow::Continue(()),
        }
    }

    fn data(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, origin: &Origin) -> Data {
        let Some(tag) = tag else {
            return if style == ScalarStyle::Plain {
                Data::of_plain(text)
            } else {
                Data::Text
            };
        };
        if tag.is_yaml_core_schema() {
            let tagged = if tag.suffix == "str" {
                Data::Text
            } else {
                Data::of_plain(text)
            };
            let fits = match tag.suffix.as_str() {
                "str" => true,
                "int" => matches!(tagged, Data::Integer(_) | Data::Unsigned(_)),
                "float" => matches!(
                    tagged,
                    Data::Integer(_) | Data::Unsigned(_) | Data::Float(_)
                ),
                "bool" => matches!(tagged, Data::Bool(_)),
                "null" => tagged == Data::Null,
                _ => false,
            };
            if fits {
                return tagged;
            }
        }
        self.unknown_tag(tag, origin);
        Data::Text
    }

    fn check_tag(&mut self, tag: Option<&Tag>, origin: &Origin) {
        if let Some(tag) = tag
            && !(tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "map" | "seq"))
        {
            self.unknown_tag(tag, origin);
        }
    }

    fn unknown_tag(&mut self, tag: &Tag, origin: &Origin) {
        let path = self.path();
        let tag = tag.to_string();
        let tag = tag
            .replace("tag:yaml.org,2002:!", "!!")
            .replace("tag:yaml.org,2002:", "!!");
        let message = format!("the tag `{tag}` does not fit here; leave it out");
        self.report
            .add(origin.clone(), path, message)
            .with_hint("if the text begins with `!`, quote it");
    }

    fn open(&mut self, origin: Origin, anchor: usize, open: Open) -> Flow {
        if self.stack.len() >= limits::DEPTH {
            return self.too_deep(origin);
        }
        self.stack.push(Frame {
            origin,
            anchor,
            open,
        });
        Flow::Continue(())
    }

    fn too_deep(&mut self, origin: Origin) -> Flow {
        let message = format!(
            "lists and mappings are nested too deeply; {} levels are allowed",
            limits::DEPTH
        );
        self.report.add(origin, self.path(), message);
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
                self.drop_repeated(&mut entries);
                for source in merged {
                    self.merge(&mut entries, source, true);
                }
                Value::Map(entries)
            }
        };
        self.complete(Node { origin, value }, anchor)
    }

    /// Adds what `<<` brings in, where the mapping has no such key itself; the first source wins.
    fn merge(&mut self, entries: &mut Vec<Entry>, source: Node, lists: bool) {
        match source.value {
            Value::Map(more) => {
                let own: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
                entries.extend(more.into_iter().filter(|entry| !own.contains(&entry.key)));
            }
            Value::List(sources) if lists => {
                for source in sources {
                    self.merge(entries, source, false);
                }
            }
            _ => {
                let path = self.path();
                let message = "`<<` takes a mapping or a list of mappings, such as `<<: *name`";
                self.report
                    .add(source.origin, path, message)
                    .with_hint("for a key of this name, quote it: \"<<\"");
            }
        }
    }

    fn alias(&mut self, anchor: usize, origin: Origin) -> Flow {
        let Some(node) = self.anchors.get(&anchor) else {
            let path = self.path();
            self.report.add(
                origin,
                path,
                "this alias stands inside of what it refers to; that has no end",
            );
            return Flow::Break(());
        };
        let (size, depth) = (node.size(), node.depth());
        // `complete` counts the node itself.
        self.count(size - 1, &origin)?;
        if self.stack.len() + depth > limits::DEPTH {
            return self.too_deep(origin);
        }
        let node = self.anchors.get(&anchor).cloned();
        node.map_or(Flow::Continue(()), |node| self.complete(node, 0))
    }

    fn count(&mut self, nodes: usize, origin: &Origin) -> Flow {
        self.nodes += nodes;
        if self.nodes > limits::NODES {
            let message = format!(
                "the file has too many values; {} are allowed, aliases included",
                limits::NODES
            );
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
                self.report.add(origin, path, message).with_hint(hint);
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

    /// Keeps the first entry of each key and reports the others.
    fn drop_repeated(&mut self, entries: &mut Vec<Entry>) {
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
