//! Overrides from the environment: `LOOM__LOG__LEVEL=debug` sets `log.level`.
//!
//! The `config` crate merges the variables onto the mapping sections of the file. Lists, and with them all of a
//! plugin's own configuration, never pass through it: it neither keeps the order of keys nor knows lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::{Config, ConfigError, Environment, Map, Source, ValueKind};

use crate::error::Report;
use crate::schema::{self, Settable};
use crate::suggest;
use crate::tree::{Data, Entry, FileId, Node, Origin, Scalar, Value};

const PREFIX: &str = "LOOM";
const SEPARATOR: &str = "__";

/// Puts what the environment says into the tree.
pub(crate) fn apply(tree: &mut Node, environment: &BTreeMap<String, String>, report: &mut Report) {
    let start = format!("{PREFIX}{SEPARATOR}");
    let variables: Vec<_> = environment
        .iter()
        .filter(|(name, _)| name.starts_with(&start))
        .collect();
    if variables.is_empty() {
        return;
    }
    let settable = schema::settable();
    let mut accepted = Map::new();
    for (name, value) in variables {
        if settable
            .iter()
            .any(|key| key.is_value && variable(&key.path) == *name)
        {
            accepted.insert(name.clone(), value.clone());
        } else {
            refuse(name, &settable, report);
        }
    }
    if accepted.is_empty() || !matches!(tree.value, Value::Map(_)) {
        return;
    }
    match merge(tree, &settable, accepted) {
        Ok(merged) => {
            for key in settable.iter().filter(|key| key.is_value) {
                set_from(&merged, &key.path, tree);
            }
        }
        Err(error) => {
            report.add(
                Origin::start(FileId::MAIN),
                "",
                format!("the environment cannot be merged into the file: {error}"),
            );
        }
    }
}

/// The variable that sets a key.
pub(crate) fn variable(path: &[String]) -> String {
    let path: Vec<String> = path.iter().map(|key| key.to_uppercase()).collect();
    format!("{PREFIX}{SEPARATOR}{}", path.join(SEPARATOR))
}

fn refuse(name: &str, settable: &[Settable], report: &mut Report) {
    let origin = Origin::Environment(name.into());
    let section = |key: &&Settable| {
        let own = variable(&key.path);
        name == own
            || name
                .strip_prefix(&own)
                .is_some_and(|rest| rest.starts_with(SEPARATOR))
    };
    let values = || {
        settable
            .iter()
            .filter(|key| key.is_value)
            .map(|key| variable(&key.path))
    };
    if let Some(list) = settable.iter().filter(|key| !key.is_value).find(section) {
        let path = list.path.join(".");
        let message = "a list cannot be set from the environment; write it in the file";
        let hint =
            format!("a single value of it can come from the environment: ${{NAME}} in `{path}`");
        report.add(origin, path, message).with_hint(hint);
        return;
    }
    let names: Vec<String> = values().collect();
    let fault = report.add(
        origin,
        "",
        format!(
            "no key is set by this variable; known are {}",
            names.join(", ")
        ),
    );
    if let Some(meant) = suggest::closest(name, names.iter().map(String::as_str)) {
        fault.with_hint(format!("did you mean `{meant}`?"));
    }
}

fn merge(
    tree: &Node,
    settable: &[Settable],
    accepted: Map<String, String>,
) -> Result<Map<String, config::Value>, ConfigError> {
    let values = settable.iter().filter(|key| key.is_value);
    let file = FileValues(
        values
            .filter_map(|key| Some((key.path.join("."), scalar(tree, &key.path)?)))
            .collect(),
    );
    let environment = Environment::with_prefix(PREFIX)
        .prefix_separator(SEPARATOR)
        .separator(SEPARATOR)
        .source(Some(accepted));
    Config::builder()
        .add_source(file)
        .add_source(environment)
        .build()?
        .collect()
}

/// The text of a key that the file has.
fn scalar(tree: &Node, path: &[String]) -> Option<String> {
    let node = path.iter().try_fold(tree, |node, key| node.get(key))?;
    match &node.value {
        Value::Scalar(scalar) => Some(scalar.text.clone()),
        _ => None,
    }
}

/// The mapping sections of the file, as a layer below the environment.
#[derive(Debug, Clone)]
struct FileValues(Map<String, String>);

/// What marks the values of this layer.
const FILE: &str = "the file";

impl Source for FileValues {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, config::Value>, ConfigError> {
        let origin = FILE.to_owned();
        Ok(self
            .0
            .iter()
            .map(|(key, text)| {
                (
                    key.clone(),
                    config::Value::new(Some(&origin), text.as_str()),
                )
            })
            .collect())
    }
}

/// Copies one key into the tree when the merged value is not the file's own.
fn set_from(merged: &Map<String, config::Value>, path: &[String], tree: &mut Node) {
    let Some((last, sections)) = path.split_last() else {
        return;
    };
    let mut table = merged;
    for section in sections {
        match table.get(section).map(|value| &value.kind) {
            Some(ValueKind::Table(inner)) => table = inner,
            _ => return,
        }
    }
    let Some(value) = table.get(last).filter(|value| value.origin() != Some(FILE)) else {
        return;
    };
    let Ok(text) = value.clone().into_string() else {
        return;
    };
    let origin = Origin::Environment(Arc::from(variable(path)));
    let mut node = tree;
    for section in sections {
        let Some(inner) = mapping_of(node, section, &origin) else {
            return;
        };
        node = inner;
    }
    let scalar = Scalar {
        data: Data::of_plain(&text),
        text,
        plain: true,
        expanded: true,
    };
    put(
        node,
        last,
        Node {
            origin,
            value: Value::Scalar(scalar),
        },
    );
}

/// The mapping under a key, made when nothing stands there.
fn mapping_of<'a>(node: &'a mut Node, key: &str, origin: &Origin) -> Option<&'a mut Node> {
    if node.get(key).is_none_or(Node::is_null) {
        put(
            node,
            key,
            Node {
                origin: origin.clone(),
                value: Value::Map(Vec::new()),
            },
        );
    }
    let Value::Map(entries) = &mut node.value else {
        return None;
    };
    entries
        .iter_mut()
        .find(|entry| entry.key == key)
        .map(|entry| &mut entry.node)
}

fn put(node: &mut Node, key: &str, value: Node) {
    let Value::Map(entries) = &mut node.value else {
        return;
    };
    match entries.iter_mut().find(|entry| entry.key == key) {
        Some(entry) => entry.node = value,
        None => entries.push(Entry {
            key: key.to_owned(),
            origin: value.origin.clone(),
            node: value,
        }),
    }
}
