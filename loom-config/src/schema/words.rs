//! The words of schema faults: what was found, and what was expected.

use super::shape::Shape;
use crate::tree::{Data, Node, Scalar, Value};

/// Text from the file inside of a message: in quotes, on one line, not endless.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// What stands in the file.
pub(crate) fn found(node: &Node) -> String {
    let Scalar { text, data, .. } = match &node.value {
        Value::List(_) => return "a list".to_owned(),
        Value::Map(_) => return "a mapping".to_owned(),
        Value::Scalar(scalar) => scalar,
    };
    match data {
        Data::Null => "nothing".to_owned(),
        Data::Bool(value) => value.to_string(),
        Data::Integer(_) | Data::Unsigned(_) | Data::Float(_) => format!("the number {text}"),
        Data::Text => format!("the text {}", quoted(text)),
    }
}

/// What should stand there.
pub(crate) fn expected(shape: Shape<'_>) -> String {
    let shapes = shape.alternatives();
    let mut phrases: Vec<String> = shapes.iter().map(|shape| phrase(*shape)).collect();
    let last = phrases.pop().unwrap_or_default();
    if phrases.is_empty() {
        last
    } else {
        format!("{}, or {last}", phrases.join(", "))
    }
}

fn phrase(shape: Shape<'_>) -> String {
    if let Some(words) = shape.words() {
        return one_of(&words);
    }
    if shape.has_type("object") {
        return "a mapping".to_owned();
    }
    if let Some(title) = shape.title() {
        return title.to_owned();
    }
    if shape.has_type("integer") {
        return match shape.range() {
            (Some(least), Some(most)) if least == most => format!("the number {least}"),
            (Some(least), Some(most)) => format!("a whole number from {least} to {most}"),
            _ => "a whole number".to_owned(),
        };
    }
    let kind = [
        ("object", "a mapping"),
        ("array", "a list"),
        ("boolean", "true or false"),
        ("string", "text"),
    ];
    let kind = kind
        .iter()
        .find(|(name, _)| shape.has_type(name))
        .map_or("something else", |(_, words)| words);
    kind.to_owned()
}

/// The words to choose from.
pub(crate) fn one_of(words: &[&str]) -> String {
    match words {
        [only] => format!("`{only}`"),
        _ => format!("one of {}", listed(words.iter().copied())),
    }
}

/// Keys or names in a row: `a`, `b`, `c`.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names
        .into_iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
