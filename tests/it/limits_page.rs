//! `docs/limits.md`: its defaults are those of the schema and of the code, and no limit of the file is missing.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

/// The rows of the table: the key or the constant, with the default.
fn rows() -> BTreeMap<String, String> {
    let page = read("docs/limits.md");
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let cells = rows.map(|row| row.split(" | ").map(str::trim).collect::<Vec<_>>());
    let named = cells.filter_map(|cells| {
        let name = cells.get(2)?.strip_prefix('`')?.strip_suffix('`')?;
        Some((name.to_owned(), cells[1].replace('`', "")))
    });
    named.collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(xtask::root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every key of the file that bounds something, with its default as the schema words it.
fn keys() -> BTreeMap<String, String> {
    let schema = loom_config::schema();
    let mut keys = BTreeMap::new();
    collect(&schema, &schema, "", &mut keys);
    keys
}

fn collect(root: &Value, schema: &Value, path: &str, keys: &mut BTreeMap<String, String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/$defs/");
        collect(root, &root["$defs"][name], path, keys);
    }
    for branch in schema["anyOf"].as_array().into_iter().flatten() {
        collect(root, branch, path, keys);
    }
    if schema["type"] == "array" || schema["items"].is_object() {
        let path = format!("{}[]", path.trim_end_matches("[]"));
        collect(root, &schema["items"], &path, keys);
    }
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{key}").trim_start_matches('.').to_owned();
        let text = inner["description"].as_str().unwrap_or_default();
        if let Some((_, default)) = text.replace('\n', " ").split_once("Default: ") {
            let end = default.find(". ").unwrap_or(default.len() - 1);
            keys.insert(path.clone(), default[..end].replace('`', ""));
        }
        collect(root, inner, &path, keys);
    }
}

/// The constants of a `limits.rs` whose values are plain: numbers, shifts, products, seconds and milliseconds.
fn constants(path: &str) -> BTreeMap<String, u64> {
    let source = read(path);
    let mut constants = BTreeMap::new();
    for line in source.lines() {
        let declared = line.strip_prefix("pub(crate) const ");
        let Some((name, value)) = declared.and_then(|rest| rest.split_once(" = ")) else {
            continue;
        };
        let name = name.split(':').next().unwrap_or_default();
        if let Some(value) = value.strip_suffix(';').and_then(evaluate) {
            constants.insert(name.to_owned(), value);
        }
    }
    constants
}

/// The value of an expression; of a time its milliseconds.
fn evaluate(expression: &str) -> Option<u64> {
    if let Some((left, right)) = expression.split_once(" << ") {
        return Some(evaluate(left)? << evaluate(right)?);
    }
    if let Some((left, right)) = expression.split_once(" * ") {
        return Some(evaluate(left)? * evaluate(right)?);
    }
    let time = |name| {
        let inside = expression.strip_prefix(name)?.strip_suffix(')')?;
        evaluate(inside)
    };
    if let Some(seconds) = time("Duration::from_secs(") {
        return Some(seconds * 1000);
    }
    if let Some(milliseconds) = time("Duration::from_millis(") {
        return Some(milliseconds);
    }
    expression.replace('_', "").parse().ok()
}

/// The value of a cell of the table; of a time its milliseconds.
fn shown(cell: &str) -> Option<u64> {
    let digits = cell
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(cell.len());
    let (number, unit) = cell.split_at(digits);
    let factor = match unit {
        "" | "ms" => 1,
        "s" => 1000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return None,
    };
    Some(number.parse::<u64>().ok()? * factor)
}

#[test]
fn its_defaults_are_those_of_the_schema_and_of_the_code() {
    let keys = keys();
    let crates = ["loom-config", "loom-gateway", "loom-layer"];
    let constants: BTreeMap<_, _> = crates
        .iter()
        .flat_map(|one| constants(&format!("{one}/src/limits.rs")))
        .collect();
    let rows = rows();
    assert!(rows.len() > 70, "only {} rows were found", rows.len());
    for (name, default) in &rows {
        if name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        {
            let value = constants.get(name);
            assert!(value.is_some(), "there is no constant {name}");
            assert_eq!(shown(default).as_ref(), value, "{name}");
        } else {
            assert_eq!(keys.get(name), Some(default), "{name}");
        }
    }
}

#[test]
fn no_limit_of_the_file_is_missing() {
    let rows = rows();
    let bounds = |key: &str| {
        let last = key.rsplit('.').next().unwrap_or_default();
        key.contains("limits.")
            || last == "rate_limit"
            || last.ends_with("timeout")
            || last.starts_with("max_") && last != "max_age"
    };
    let keys = keys();
    let is_above = |key: &str| {
        let below = format!("{key}.");
        key.ends_with("http2") && keys.keys().any(|other| other.starts_with(&below))
    };
    for key in keys.keys().filter(|key| bounds(key) && !is_above(key)) {
        assert!(rows.contains_key(key), "{key} is not in the table");
    }
}

#[test]
fn its_files_load() {
    let page = read("docs/limits.md");
    let blocks: Vec<_> = page.split("```yaml\n").skip(1).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let (text, _) = block.split_once("```").expect("the end of the block");
        let loaded = loom_config::Loader::new([]).parse("loom.yaml", text);
        if let Err(error) = loaded {
            panic!("{text}\n{error}");
        }
    }
}
