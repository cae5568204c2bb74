//! The JSON Schema of `loom.yaml`, made from the raw types, and the check of a document against it.
//!
//! The schema is what editors use, and the same schema finds unknown keys and wrong types here: a key exists in one
//! place only.

use std::sync::LazyLock;

use serde_json::Value as Json;

use crate::raw::Raw;

mod reference;
mod shape;
mod walk;
mod words;

pub use reference::reference;
pub(crate) use walk::read;
pub(crate) use words::{listed, quoted};

use shape::Shape;

static SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(Raw).to_value());

/// The JSON Schema (draft 2020-12) of `loom.yaml`.
///
/// The same that the repository keeps in `docs/loom.schema.json`. An editor that knows it completes keys and shows what
/// they do.
pub fn schema() -> Json {
    SCHEMA.clone()
}

/// Whether a key at the top belongs to the author of the file.
pub(crate) fn is_free(key: &str) -> bool {
    Shape::root(&SCHEMA).is_free(key)
}

/// Whether this is a key at the top of the file.
pub(crate) fn is_key(key: &str) -> bool {
    Shape::root(&SCHEMA).property(key).is_some()
}

/// A key that the environment may set, or a list that it may not.
#[derive(Debug)]
pub(crate) struct Settable {
    pub(crate) path: Vec<String>,
    /// A single value that can be reached through mappings alone.
    pub(crate) is_value: bool,
}

/// All of them, in the order of the schema.
pub(crate) fn settable() -> Vec<Settable> {
    let mut found = Vec::new();
    collect(Shape::root(&SCHEMA), &mut Vec::new(), &mut found);
    found
}

fn collect(shape: Shape<'_>, path: &mut Vec<String>, found: &mut Vec<Settable>) {
    let keys: Vec<&str> = shape.keys().collect();
    if keys.is_empty() {
        let is_value = !shape.alternatives().iter().any(|shape| {
            shape.has_type("array") || shape.has_type("object") || shape.is_anything()
        });
        found.push(Settable {
            path: path.clone(),
            is_value,
        });
    }
    for key in keys {
        if let Some(inner) = shape.property(key) {
            path.push(key.to_owned());
            collect(inner, path, found);
            path.pop();
        }
    }
}
