//! Checks a document against the schema. What is wrong is reported and left out, so that one fault hides no other.

use serde_json::{Map, Number, Value as Json};

use super::SCHEMA;
use super::shape::Shape;
use super::words::{expected, found, one_of, quoted};
use crate::error::Report;
use crate::suggest;
use crate::tree::{Data, Entry, KeyPath, Node, Origin, Scalar, Value};
use crate::units::{self, Unreadable};

/// What is right about `tree`, in the form of the raw types. Where a list's item is wrong, null stands.
pub(crate) fn read(tree: &Node, report: &mut Report) -> Json {
    let mut walk = Walk { report };
    walk.value(Shape::root(&SCHEMA), tree, &KeyPath::ROOT)
        .unwrap_or_else(|| Json::Object(Map::new()))
}

/// Checks the value of one key: `tree` is a mapping of this key alone.
#[cfg(test)]
pub(super) fn read_key(shape: Shape<'_>, tree: &Node, key: &str, report: &mut Report) {
    let Value::Map(entries) = &tree.value else {
        panic!("a mapping");
    };
    let entry = entries.first().expect("one key");
    assert_eq!(entry.key, key);
    Walk { report }.value(shape, &entry.node, &KeyPath::ROOT.key(key));
}

struct Walk<'a> {
    report: &'a mut Report,
}

impl Walk<'_> {
    fn value(&mut self, shape: Shape<'_>, node: &Node, path: &KeyPath<'_>) -> Option<Json> {
        if shape.is_anything() {
            return self.json(node, path);
        }
        let Some(accepting) = shape
            .alternatives()
            .into_iter()
            .find(|shape| shape.accepts(node))
        else {
            self.wrong_kind(shape, node, path);
            return None;
        };
        match &node.value {
            Value::Map(entries) => Some(self.mapping(accepting, node, entries, path)),
            Value::List(items) => Some(self.list(accepting, node, items, path)),
            Value::Scalar(scalar) => self.scalar(accepting, node, scalar, path),
        }
    }

    fn mapping(
        &mut self,
        shape: Shape<'_>,
        node: &Node,
        entries: &[Entry],
        path: &KeyPath<'_>,
    ) -> Json {
        let mut read = Map::new();
        for Entry { key, origin, node } in entries {
            let path = path.key(key);
            match shape.property(key) {
                // An empty place after a key is the same as no key.
                Some(_) if node.is_null() => {}
                Some(inner) => {
                    if let Some(value) = self.value(inner, node, &path) {
                        read.insert(key.clone(), value);
                    }
                }
                None => self.unknown_key(shape, key, origin, &path),
            }
        }
        for key in shape.required() {
            let wanted = || shape.property(key).map(expected).unwrap_or_default();
            let path = path.key(key).to_string();
            match entries.iter().find(|entry| entry.key == key) {
                None => {
                    let message = format!("the key is missing; expected {}", wanted());
                    self.report.add(node.origin.clone(), path, message);
                }
                Some(Entry { node, .. }) if node.is_null() => {
                    let message = format!("the value is empty; expected {}", wanted());
                    self.report.add(node.origin.clone(), path, message);
                }
                Some(_) => {}
            }
        }
        Json::Object(read)
    }

    fn unknown_key(&mut self, shape: Shape<'_>, key: &str, origin: &Origin, path: &KeyPath<'_>) {
        let known: Vec<&str> = shape.keys().collect();
        let meant = if self.report.is_full() {
            None
        } else {
            suggest::closest(key, known.iter().copied())
        };
        let fault = self.report.add(
            origin.clone(),
            path.to_string(),
            format!("unknown key; expected {}", one_of(&known)),
        );
        if let Some(meant) = meant {
            fault.with_hint(format!("did you mean `{meant}`?"));
        }
    }

    fn list(&mut self, shape: Shape<'_>, node: &Node, items: &[Node], path: &KeyPath<'_>) -> Json {
        let (least, most) = shape.item_range();
        let count = items.len() as u64;
        if count < least {
            self.report.add(
                node.origin.clone(),
                path.to_string(),
                "the list is empty; expected at least one item",
            );
        }
        if count > most {
            let message = format!("the list has {count} items; expected at most {most}");
            self.report
                .add(node.origin.clone(), path.to_string(), message);
            return Json::Array(Vec::new());
        }
        let Some(inner) = shape.items() else {
            return Json::Array(Vec::new());
        };
        let read = items.iter().enumerate().map(|(index, item)| {
            self.value(inner, item, &path.index(index))
                .unwrap_or(Json::Null)
        });
        Json::Array(read.collect())
    }

    fn scalar(
        &mut self,
        shape: Shape<'_>,
        node: &Node,
        scalar: &Scalar,
        path: &KeyPath<'_>,
    ) -> Option<Json> {
        let text = &scalar.text;
        if let Some(words) = shape.words() {
            return self.word(&words, node, text, path);
        }
        if let Some((least, most)) = range_of(shape)
            && let Some(number) = whole_number(scalar.data)
        {
            if !(least..=most).contains(&number) {
                let message = format!("{number} is out of range; expected {}", expected(shape));
                self.report
                    .add(node.origin.clone(), path.to_string(), message);
                return None;
            }
            return json_number(scalar.data);
        }
        if let Data::Bool(value) = scalar.data {
            return Some(value.into());
        }
        let unreadable = match shape.name() {
            Some("Duration") => units::duration(text).err(),
            Some("Size") => units::size(text).err(),
            Some("Percentage") => units::percentage(text).err(),
            Some("Fraction") => units::fraction(text).err(),
            _ => None,
        };
        if let Some(Unreadable { meant }) = unreadable {
            let message = format!(
                "{} is not understood; expected {}",
                quoted(text),
                expected(shape)
            );
            let fault = self
                .report
                .add(node.origin.clone(), path.to_string(), message);
            if let Some(meant) = meant {
                fault.with_hint(format!("did you mean `{meant}`?"));
            }
            return None;
        }
        Some(Json::String(text.clone()))
    }

    fn word(
        &mut self,
        words: &[&str],
        node: &Node,
        text: &str,
        path: &KeyPath<'_>,
    ) -> Option<Json> {
        if words.contains(&text) {
            return Some(Json::String(text.to_owned()));
        }
        let message = format!("{} is not known; expected {}", quoted(text), one_of(words));
        let fault = self
            .report
            .add(node.origin.clone(), path.to_string(), message);
        if let Some(meant) = suggest::closest(text, words.iter().copied()) {
            fault.with_hint(format!("did you mean `{meant}`?"));
        }
        None
    }

    fn wrong_kind(&mut self, shape: Shape<'_>, node: &Node, path: &KeyPath<'_>) {
        let message = format!("found {}; expected {}", found(node), expected(shape));
        let fault = self
            .report
            .add(node.origin.clone(), path.to_string(), message);
        if let Some(hint) = hint(shape, node) {
            fault.with_hint(hint);
        }
    }

    /// A plugin's own configuration, as it is.
    fn json(&mut self, node: &Node, path: &KeyPath<'_>) -> Option<Json> {
        match &node.value {
            Value::Scalar(Scalar {
                data: Data::Text,
                text,
                ..
            }) => Some(Json::String(text.clone())),
            Value::Scalar(Scalar { data, .. }) => {
                let number = json_number(*data);
                if number.is_none() {
                    let message = format!(
                        "found {}; JSON, in which plugins get this, has no such number",
                        found(node)
                    );
                    self.report
                        .add(node.origin.clone(), path.to_string(), message)
                        .with_hint("for text, quote it");
                }
                number
            }
            Value::List(items) => {
                let items = items.iter().enumerate();
                Some(
                    items
                        .map(|(index, item)| {
                            self.json(item, &path.index(index)).unwrap_or(Json::Null)
                        })
                        .collect(),
                )
            }
            Value::Map(entries) => {
                let read = entries.iter().map(|Entry { key, node, .. }| {
                    (
                        key.clone(),
                        self.json(node, &path.key(key)).unwrap_or(Json::Null),
                    )
                });
                Some(Json::Object(read.collect()))
            }
        }
    }
}

fn json_number(data: Data) -> Option<Json> {
    match data {
        Data::Null => Some(Json::Null),
        Data::Bool(value) => Some(value.into()),
        Data::Integer(value) => Some(value.into()),
        Data::Unsigned(value) => Some(value.into()),
        Data::Float(value) => Number::from_f64(value).map(Json::Number),
        Data::Text => None,
    }
}

fn whole_number(data: Data) -> Option<i128> {
    match data {
        Data::Integer(value) => Some(value.into()),
        Data::Unsigned(value) => Some(value.into()),
        _ => None,
    }
}

fn range_of(shape: Shape<'_>) -> Option<(i128, i128)> {
    if !shape.has_type("integer") {
        return None;
    }
    let (least, most) = shape.range();
    Some((
        least.map_or(i128::from(i64::MIN), Into::into),
        most.map_or(i128::from(u64::MAX), Into::into),
    ))
}

/// Whether this would be one of its words, if it were text.
fn is_word(shape: &Shape<'_>, text: &str) -> bool {
    shape.words().is_some_and(|words| words.contains(&text))
}

/// What was probably meant, for the kinds that are mixed up most.
fn hint(shape: Shape<'_>, node: &Node) -> Option<String> {
    let Value::Scalar(Scalar { text, data, .. }) = &node.value else {
        return None;
    };
    let shapes = shape.alternatives();
    let named = |name| shapes.iter().any(|shape| shape.name() == Some(name));
    match data {
        Data::Integer(_) if named("Duration") => {
            Some(format!("write the unit: `{text}s` or `{text}ms`"))
        }
        Data::Integer(0..=100) if named("Percentage") || named("Fraction") => {
            Some(format!("did you mean `{text}%`?"))
        }
        Data::Integer(1..=65_535) if named("Address") => {
            Some(format!("did you mean `0.0.0.0:{text}`?"))
        }
        Data::Integer(1..=65_535) if named("Endpoint") => {
            Some(format!("did you mean `127.0.0.1:{text}`?"))
        }
        Data::Text if shape.has_type("integer") => text
            .parse::<i64>()
            .is_ok()
            .then(|| format!("write it without quotes: {text}")),
        Data::Text if shape.has_type("boolean") => match text.as_str() {
            "true" | "false" => Some(format!("write it without quotes: {text}")),
            // What older versions of YAML took for one.
            "yes" | "on" => Some("did you mean `true`?".to_owned()),
            "no" | "off" => Some("did you mean `false`?".to_owned()),
            _ => None,
        },
        Data::Null | Data::Text => None,
        _ => shapes
            .iter()
            .any(|shape| shape.is_any_text() || is_word(shape, text))
            .then(|| format!("for text, quote it: \"{text}\"")),
    }
}
