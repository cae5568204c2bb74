//! `docs/configuration.md`: it lists every key, and every file that it shows loads.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use loom_config::Loader;

use super::keys;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    fs::read_to_string(path).expect("docs/configuration.md")
}

/// The rows of the tables of keys: the key, and the rest of the row.
fn rows(page: &str) -> Vec<(String, String)> {
    let mut in_table = false;
    let mut rows = Vec::new();
    for line in page.lines() {
        in_table = line.starts_with("| Key |") || in_table && line.starts_with('|');
        if let Some((key, rest)) = line.strip_prefix("| `").and_then(|row| row.split_once('`'))
            && in_table
        {
            rows.push((key.to_owned(), rest.to_owned()));
        }
    }
    rows
}

#[test]
fn its_tables_list_exactly_the_keys_of_the_schema() {
    let listed: Vec<String> = rows(&page()).into_iter().map(|(key, _)| key).collect();
    let unique: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), unique.len(), "a key is listed twice");
    assert_eq!(unique, keys::all().into_keys().collect());
}

#[test]
fn its_tables_name_the_defaults_of_the_schema() {
    let keys = keys::all();
    for (key, row) in rows(&page()) {
        let default = match &keys[&key]["default"] {
            serde_json::Value::Null => continue,
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let column = row.split('|').nth(2).unwrap_or_default().trim();
        assert_eq!(column, format!("`{default}`"), "{key}");
    }
}

#[test]
fn its_files_load() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("secrets")).expect("a directory");
    fs::write(directory.path().join("secrets/token"), "s3cret\n").expect("a secret");
    let loader = Loader::new([("BACKEND".to_owned(), "127.0.0.1:3000".to_owned())]);
    let page = page();
    let mut loaded = 0;
    for block in page.split("```yaml\n").skip(1) {
        let (text, _) = block.split_once("```").expect("the end of the block");
        if let Err(error) = loader.parse(directory.path().join("loom.yaml"), text) {
            panic!("{text}\n{error}");
        }
        loaded += 1;
    }
    assert!(loaded >= 8, "only {loaded} blocks were found");
}
