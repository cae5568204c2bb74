//! One key of the file, as the page tells of it.

use serde_json::Value as Json;

use super::example;
use crate::schema::shape::Shape;

/// See the module's text.
#[derive(Debug, Clone)]
pub(super) struct Key<'a> {
    /// Such as `routes[].plugins[].config`.
    pub(super) path: String,
    pub(super) shape: Shape<'a>,
    /// Where the key stands: its own description, default and examples.
    written: &'a Json,
    required: bool,
}

/// All keys in the order of the schema, each before those below it.
pub(super) fn all(root: Shape<'_>) -> Vec<Key<'_>> {
    let mut keys = Vec::new();
    collect(root, "", &mut keys);
    keys
}

fn collect<'a>(shape: Shape<'a>, path: &str, keys: &mut Vec<Key<'a>>) {
    // Where a list has a shorthand, the keys are those of the list's items.
    let shapes = shape.alternatives();
    if let Some(items) = shapes.iter().find_map(|shape| shape.items()) {
        return collect(items, &format!("{path}[]"), keys);
    }
    for shape in shapes {
        for name in shape.keys() {
            let (Some(written), Some(inner)) = (shape.written(name), shape.property(name)) else {
                continue;
            };
            let path = if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            };
            keys.push(Key {
                path: path.clone(),
                shape: inner,
                written,
                required: shape.required().any(|required| required == name),
            });
            collect(inner, &path, keys);
        }
    }
}

impl Key<'_> {
    /// The key itself, without what it stands in.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }

    /// Whether it stands at the top of the file.
    pub(super) fn is_top(&self) -> bool {
        !self.path.contains('.')
    }

    /// Whether it stands at the top and others stand below it.
    pub(super) fn is_section(&self, keys: &[Self]) -> bool {
        self.is_top() && keys.iter().any(|key| key.is_below(self))
    }

    /// Whether it stands below `other`, at any depth.
    pub(super) fn is_below(&self, other: &Self) -> bool {
        let rest = self.path.strip_prefix(&other.path);
        rest.is_some_and(|rest| rest.starts_with('.') || rest.starts_with("[]"))
    }

    /// Whether its value is made of keys, or may be anything.
    #[cfg(test)]
    pub(super) fn is_above_others(&self) -> bool {
        let mut below = Vec::new();
        collect(self.shape, "", &mut below);
        !below.is_empty() || self.shape.is_anything()
    }

    /// The description without its last sentence about the default, and what the words mean that may stand there.
    pub(super) fn effect(&self) -> String {
        let (mut effect, _) = self.description();
        for shape in each(self.shape) {
            for (word, meaning) in shape.described_words() {
                effect.push_str(&format!("<br>`{word}`: {meaning}"));
            }
        }
        effect
    }

    /// What holds when the key is not there; `None` when nothing says it.
    pub(super) fn default(&self) -> Option<String> {
        if let Some(default) = self.written.get("default") {
            return Some(match default {
                Json::String(text) => format!("`{text}`"),
                other => format!("`{other}`"),
            });
        }
        if self.required {
            return Some("required".to_owned());
        }
        self.description().1
    }

    fn description(&self) -> (String, Option<String>) {
        let text = self.written.get("description").and_then(Json::as_str);
        let words: Vec<_> = text.unwrap_or_default().split_whitespace().collect();
        let text = words.join(" ");
        match text.rsplit_once("Default: ") {
            Some((effect, default)) => {
                let default = default.trim_end_matches('.').to_owned();
                (effect.trim_end().to_owned(), Some(default))
            }
            None => (text, None),
        }
    }

    /// How it is written: `timeout: 30s`.
    pub(super) fn example(&self) -> Option<String> {
        let own = self.written.get("examples").and_then(|all| all.get(0));
        let default = self.written.get("default");
        let value = match own {
            Some(value) => value.clone(),
            None => {
                let mut shapes = each(self.shape).into_iter();
                let value = shapes.find_map(|shape| example::of_shape(shape, default))?;
                // Where no single value may stand for the list.
                let shapes = self.shape.alternatives();
                if shapes.iter().all(|shape| shape.items().is_some()) {
                    Json::Array(vec![value])
                } else {
                    value
                }
            }
        };
        Some(format!("{}: {}", self.name(), example::yaml(&value)))
    }
}

/// The shapes that a value or the items of a list may have, each once.
fn each(shape: Shape<'_>) -> Vec<Shape<'_>> {
    let mut all: Vec<Shape<'_>> = Vec::new();
    for shape in shape.alternatives() {
        let shapes = match shape.items() {
            Some(items) => items.alternatives(),
            None => vec![shape],
        };
        for shape in shapes {
            if !all.iter().any(|known| known.is_the_same_as(shape)) {
                all.push(shape);
            }
        }
    }
    all
}
