//! The keys of the file, read from the schema: what the documentation and the tests have to cover.

use std::collections::BTreeMap;

use serde_json::Value;

/// Every key, such as `routes[].plugins[].config`, with its schema.
pub(crate) fn all() -> BTreeMap<String, Value> {
    let schema = loom_config::schema();
    let mut keys = BTreeMap::new();
    collect(&schema, &schema, "", &mut keys);
    keys
}

/// Those that hold a value of their own: no mapping and no list of mappings.
pub(crate) fn values() -> BTreeMap<String, Value> {
    let keys = all();
    let is_above = |key: &String| {
        keys.keys().any(|other| {
            other.starts_with(&format!("{key}.")) || other.starts_with(&format!("{key}[]"))
        })
    };
    keys.iter()
        .filter(|(key, _)| !is_above(key))
        .map(|(key, schema)| (key.clone(), schema.clone()))
        .collect()
}

fn collect(root: &Value, schema: &Value, path: &str, keys: &mut BTreeMap<String, Value>) {
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|name| name.strip_prefix("#/$defs/"))
    {
        collect(root, &root["$defs"][name], path, keys);
    }
    // Where a list has a shorthand, the keys are those of the list's items.
    let branches = schema["anyOf"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let list = branches.iter().find(|branch| branch["type"] == "array");
    for branch in list.map_or(branches, std::slice::from_ref) {
        collect(root, branch, path, keys);
    }
    if schema["items"].is_object() {
        collect(root, &schema["items"], &format!("{path}[]"), keys);
    }
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        keys.insert(path.clone(), inner.clone());
        collect(root, inner, &path, keys);
    }
}
