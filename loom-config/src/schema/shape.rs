//! Reads the parts of JSON Schema that the raw types come out as.

use serde_json::Value as Json;

use crate::tree::{Data, Node, Scalar, Value};

/// One schema inside of the document, references followed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a> {
    root: &'a Json,
    at: &'a Json,
    /// The name of the definition, when it has one: durations and sizes are told by it.
    name: Option<&'a str>,
}

impl<'a> Shape<'a> {
    /// The schema of the whole file.
    pub(crate) fn root(root: &'a Json) -> Self {
        Self {
            root,
            at: root,
            name: None,
        }
    }

    fn inner(self, at: &'a Json) -> Self {
        let mut shape = Self {
            root: self.root,
            at,
            name: None,
        };
        while let Some(name) = shape
            .at
            .get("$ref")
            .and_then(Json::as_str)
            .and_then(|r| r.strip_prefix("#/$defs/"))
        {
            let Some(at) = self.root.get("$defs").and_then(|defs| defs.get(name)) else {
                break;
            };
            shape = Self {
                root: self.root,
                at,
                name: Some(name),
            };
        }
        // `Option` comes out as "this or null". Null is the same as a missing key everywhere.
        let mut alternatives = shape.branches("anyOf").filter(|branch| !branch.is_null());
        match (alternatives.next(), alternatives.next()) {
            (Some(only), None) => only,
            _ => shape,
        }
    }

    fn branches(self, keyword: &str) -> impl Iterator<Item = Self> {
        self.at
            .get(keyword)
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .map(move |at| self.inner(at))
    }

    fn is_null(self) -> bool {
        self.at.get("type").and_then(Json::as_str) == Some("null")
    }

    /// The name of the definition.
    pub(crate) fn name(self) -> Option<&'a str> {
        self.name
    }

    /// What the schema calls it, in words that fit after "expected".
    pub(crate) fn title(self) -> Option<&'a str> {
        self.at.get("title").and_then(Json::as_str)
    }

    /// Whether any value will do, as for a plugin's own configuration.
    pub(crate) fn is_anything(self) -> bool {
        let constrains = ["type", "anyOf", "oneOf", "const", "enum", "properties"];
        !constrains
            .iter()
            .any(|keyword| self.at.get(keyword).is_some())
    }

    /// The shapes that a value may have: more than one where there is a shorthand.
    pub(crate) fn alternatives(self) -> Vec<Self> {
        let shapes: Vec<Self> = self
            .branches("anyOf")
            .filter(|branch| !branch.is_null())
            .collect();
        if shapes.is_empty() {
            vec![self]
        } else {
            shapes.into_iter().flat_map(Self::alternatives).collect()
        }
    }

    /// The words that may stand here, when only certain words may.
    pub(crate) fn words(self) -> Option<Vec<&'a str>> {
        let branches = self.at.get("oneOf")?.as_array()?;
        branches
            .iter()
            .map(|branch| branch.get("const")?.as_str())
            .collect()
    }

    /// The same, each with what it means.
    pub(crate) fn described_words(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let branches = self.at.get("oneOf").and_then(Json::as_array);
        branches.into_iter().flatten().filter_map(|branch| {
            let text = |keyword: &str| branch.get(keyword)?.as_str();
            Some((text("const")?, text("description")?))
        })
    }

    /// Values that may stand here.
    pub(crate) fn examples(self) -> Option<&'a Vec<Json>> {
        self.at.get("examples")?.as_array()
    }

    /// Whether only one value may stand here.
    pub(crate) fn is_constant(self) -> bool {
        self.at.get("const").is_some()
    }

    /// Whether both are the same place of the schema.
    pub(crate) fn is_the_same_as(self, other: Self) -> bool {
        std::ptr::eq(self.at, other.at)
    }

    /// What stands at a key: its own description, default and examples, and what it refers to.
    pub(crate) fn written(self, key: &str) -> Option<&'a Json> {
        self.at.get("properties")?.get(key)
    }

    /// Whether `name` is among its types.
    pub(crate) fn has_type(self, name: &str) -> bool {
        match self.at.get("type") {
            Some(Json::String(only)) => only == name,
            Some(Json::Array(types)) => types.iter().any(|one| one == name),
            _ => name == "string" && self.words().is_some(),
        }
    }

    /// Whether any text will do, as far as the schema knows.
    pub(crate) fn is_any_text(self) -> bool {
        // The examples of a kind of text say what it looks like; those of a single key need not.
        let has = |keyword: &str| self.at.get(keyword).is_some();
        let is_kind = self.name.is_some() && has("examples");
        self.has_type("string") && !is_kind && !has("pattern") && !has("oneOf")
    }

    /// Whether the kind of `node` is right; not yet what it says.
    pub(crate) fn accepts(self, node: &Node) -> bool {
        match &node.value {
            Value::Map(_) => self.has_type("object"),
            Value::List(_) => self.has_type("array"),
            Value::Scalar(Scalar { data, expanded, .. }) => match data {
                Data::Null => false,
                _ if *expanded && self.has_type("string") => true,
                Data::Bool(_) => self.has_type("boolean"),
                Data::Integer(_) | Data::Unsigned(_) => {
                    self.has_type("integer") || self.has_type("number")
                }
                Data::Float(_) => self.has_type("number"),
                Data::Text => self.has_type("string"),
            },
        }
    }

    /// The keys of a mapping.
    pub(crate) fn keys(self) -> impl Iterator<Item = &'a str> {
        self.at
            .get("properties")
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
            .map(|(key, _)| key.as_str())
    }

    /// The shape of a key's value. Where the author of the file chooses the keys, it is the same for all of them.
    pub(crate) fn property(self, key: &str) -> Option<Self> {
        let known = |properties: &'a Json| properties.get(key);
        let named = self.at.get("properties").and_then(known);
        let at = named.or_else(|| {
            self.at
                .get("additionalProperties")
                .filter(|at| at.is_object())
        })?;
        Some(self.inner(at))
    }

    /// Whether a key is free: it belongs to the author of the file.
    pub(crate) fn is_free(self, key: &str) -> bool {
        let patterns = self.at.get("patternProperties").and_then(Json::as_object);
        patterns.is_some_and(|patterns| {
            patterns
                .keys()
                .filter_map(|pattern| pattern.strip_prefix('^'))
                .any(|start| key.starts_with(start))
        })
    }

    /// The keys that have to be there.
    pub(crate) fn required(self) -> impl Iterator<Item = &'a str> {
        self.at
            .get("required")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
    }

    /// The shape of a list's items.
    pub(crate) fn items(self) -> Option<Self> {
        self.at.get("items").map(|at| self.inner(at))
    }

    /// The least and the most of a number.
    pub(crate) fn range(self) -> (Option<i64>, Option<i64>) {
        let bound = |keyword: &str| self.at.get(keyword).and_then(Json::as_i64);
        (bound("minimum"), bound("maximum"))
    }

    /// The least and the most items of a list.
    pub(crate) fn item_range(self) -> (u64, u64) {
        let bound = |keyword: &str| self.at.get(keyword).and_then(Json::as_u64);
        (
            bound("minItems").unwrap_or(0),
            bound("maxItems").unwrap_or(u64::MAX),
        )
    }
}
