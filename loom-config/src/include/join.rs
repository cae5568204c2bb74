//! What an included file says, put behind what is there already.

use serde_json::{Map, Value as Json};

use super::Part;
use crate::error::Report;
use crate::tree::{Entry, Node, Value};

/// The keys of an included file that hold lists.
const LISTS: [&str; 3] = ["plugins", "routes", "upstreams"];
/// The one that holds a mapping of names.
const SETS: &str = "plugin_sets";
/// All that an included file may have.
pub(super) const KEYS: [&str; 5] = ["include", "plugin_sets", "plugins", "routes", "upstreams"];

/// Puts the lists and sets of `part`, the file that is being read, behind those of `whole`.
pub(super) fn join(whole: &mut Part, mut part: Part, report: &mut Report) {
    let Some(entries) = part.tree.entries_mut() else {
        return;
    };
    for entry in std::mem::take(entries) {
        let read = part.read.get_mut(&entry.key).map(Json::take);
        if let Some(section) = LISTS.into_iter().find(|section| *section == entry.key) {
            list(whole, section, entry, read, report);
        } else if entry.key == SETS {
            sets(whole, entry, read, report);
        }
    }
}

fn list(
    whole: &mut Part,
    section: &'static str,
    entry: Entry,
    read: Option<Json>,
    report: &mut Report,
) {
    let (Value::List(mut items), Some(Json::Array(mut values))) = (entry.node.value, read) else {
        return;
    };
    let node = Node {
        origin: entry.node.origin,
        value: Value::List(Vec::new()),
    };
    let Some(Value::List(before)) = place(&mut whole.tree, section, entry.origin, node) else {
        return;
    };
    report.join(section, before.len());
    let known = whole.read.as_object_mut().map(|read| {
        read.entry(section)
            .or_insert_with(|| Json::Array(Vec::new()))
    });
    if let Some(Json::Array(known)) = known {
        // Both have an item for each other's: what is wrong in one is null in the other.
        known.resize(before.len(), Json::Null);
        values.resize(items.len(), Json::Null);
        known.append(&mut values);
    }
    before.append(&mut items);
}

fn sets(whole: &mut Part, entry: Entry, read: Option<Json>, report: &mut Report) {
    let (Value::Map(items), Some(Json::Object(mut values))) = (entry.node.value, read) else {
        return;
    };
    let node = Node {
        origin: entry.node.origin,
        value: Value::Map(Vec::new()),
    };
    let Some(Value::Map(before)) = place(&mut whole.tree, SETS, entry.origin, node) else {
        return;
    };
    let known = whole
        .read
        .as_object_mut()
        .map(|read| read.entry(SETS).or_insert_with(|| Json::Object(Map::new())));
    let Some(Json::Object(known)) = known else {
        return;
    };
    for item in items {
        if let Some(first) = before.iter().find(|first| first.key == item.key) {
            let place = report.where_is(&first.origin, item.origin.file());
            let message = format!(
                "another set is named `{}`, {place}; names are unique",
                item.key
            );
            report.add(item.origin, format!("{SETS}.{}", item.key), message);
            continue;
        }
        if let Some(value) = values.remove(&item.key) {
            known.insert(item.key.clone(), value);
        }
        before.push(item);
    }
}

/// The value of a key at the top; `empty` if there is none yet.
fn place<'a>(
    tree: &'a mut Node,
    key: &str,
    origin: crate::tree::Origin,
    empty: Node,
) -> Option<&'a mut Value> {
    let entries = tree.entries_mut()?;
    let at = entries.iter().position(|entry| entry.key == key);
    let at = at.unwrap_or_else(|| {
        entries.push(Entry {
            key: key.to_owned(),
            origin,
            node: empty.clone(),
        });
        entries.len() - 1
    });
    let node = &mut entries.get_mut(at)?.node;
    if node.is_null() {
        *node = empty;
    }
    Some(&mut node.value)
}
