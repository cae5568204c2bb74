//! The file as it was understood, for people to look at.

use serde_json::{Map, Number, Value as Json};

use crate::error::Report;
use crate::tree::{Data, Node, Scalar, Value};

/// What stands in the place of a value that may be a secret.
const HIDDEN: &str = "(hidden)";

/// The key under which it stands where something comes from; one that no file may have there.
const FROM: &str = "x-from";

/// The document behind a [`Config`](crate::Config): with the environment applied, and without what could be a secret.
/// What came from `${...}` or from a variable, and every token, reads `(hidden)`. What comes from an included file has a key
/// `x-from` with its place.
///
/// It is not part of what a configuration means, so that all documents are equal.
#[derive(Debug, Clone, Default)]
pub struct Document(Json);

impl Document {
    pub(crate) fn new(tree: &Node, report: &Report) -> Self {
        let mut document = show("", false, tree);
        say_where_from(&mut document, tree, report);
        Self(document)
    }

    /// The document as JSON, keys in the order of the file.
    pub fn json(&self) -> &Json {
        &self.0
    }
}

impl PartialEq for Document {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Adds to each route, plugin and upstream of an included file where it stands.
fn say_where_from(document: &mut Json, tree: &Node, report: &Report) {
    for (key, shown) in document.as_object_mut().into_iter().flatten() {
        let (Some(Value::List(items)), Some(shown)) =
            (tree.get(key).map(|node| &node.value), shown.as_array_mut())
        else {
            continue;
        };
        for (item, shown) in items.iter().zip(shown) {
            if let (Some(place), Some(shown)) =
                (report.in_included_file(&item.origin), shown.as_object_mut())
            {
                shown.insert(FROM.to_owned(), place.into());
            }
        }
    }
}

/// `hidden`: what stands there is secret whatever it is called.
fn show(key: &str, hidden: bool, node: &Node) -> Json {
    match &node.value {
        Value::Scalar(scalar) if hidden || scalar.expanded || is_secret(key) => Json::from(HIDDEN),
        Value::Scalar(scalar) => value(scalar),
        Value::List(items) => items.iter().map(|item| show(key, hidden, item)).collect(),
        Value::Map(entries) => {
            let entries = entries.iter().map(|entry| {
                // Names of people, and hashes of their passwords.
                let hidden = hidden || (key == "basic_auth" && entry.key == "users");
                (entry.key.clone(), show(&entry.key, hidden, &entry.node))
            });
            Json::Object(entries.collect::<Map<_, _>>())
        }
    }
}

/// Whether what stands under such a key is likely to be a secret, in the configuration of a plugin too.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    [
        "token",
        "password",
        "passwd",
        "secret",
        "api_key",
        "apikey",
        "private_key",
        "authorization",
    ]
    .iter()
    .any(|word| key.contains(word))
}

fn value(scalar: &Scalar) -> Json {
    match scalar.data {
        Data::Null => Json::Null,
        Data::Bool(value) => value.into(),
        Data::Integer(value) => value.into(),
        Data::Unsigned(value) => value.into(),
        Data::Float(value) => {
            Number::from_f64(value).map_or_else(|| scalar.text.clone().into(), Json::Number)
        }
        Data::Text => scalar.text.clone().into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::Loader;

    #[test]
    fn secrets_are_hidden_and_everything_else_is_shown() {
        let loader = Loader::new([
            ("KEY".to_owned(), "s3cret".to_owned()),
            ("LOOM__LOG__LEVEL".to_owned(), "debug".to_owned()),
        ]);
        let text = "x-a: &a {timeout: 5ms}\nplugins: [{name: p, path: p.wasm, <<: *a, config: {key: '${KEY}', n: 3, db_password: abc}}]\nadmin: {address: '127.0.0.1:0', token: 0123456789abcdef}\n";
        let config = loader.parse("loom.yaml", text).expect("valid");
        let shown = config.document.json().to_string();
        assert_eq!(
            shown,
            r#"{"plugins":[{"name":"p","path":"p.wasm","config":{"key":"(hidden)","n":3,"db_password":"(hidden)"},"timeout":"5ms"}],"admin":{"address":"127.0.0.1:0","token":"(hidden)"},"log":{"level":"(hidden)"}}"#
        );
        assert!(!format!("{config:?}").contains("0123456789abcdef"));
    }
}
