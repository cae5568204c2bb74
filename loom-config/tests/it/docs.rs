//! `docs/configuration.md` explains, and every file that it shows loads; `docs/reference.md` lists every key.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use loom_config::Loader;

use super::{certificates, keys};

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(name);
    fs::read_to_string(path).expect("a page")
}

#[test]
fn the_committed_reference_is_the_one_of_this_code() {
    assert!(
        page("reference.md") == loom_config::reference(),
        "docs/reference.md is not what the schema says; write it anew with `cargo xtask schema`"
    );
}

#[test]
fn the_reference_lists_exactly_the_keys_of_the_schema() {
    let mut in_table = false;
    let mut listed = Vec::new();
    for line in loom_config::reference().lines() {
        in_table = line.starts_with("| Key |") || in_table && line.starts_with('|');
        let key = line.strip_prefix("| `").and_then(|row| row.split_once('`'));
        if let Some((key, _)) = key.filter(|_| in_table) {
            listed.push(key.to_owned());
        }
    }
    let unique: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), unique.len(), "a key is listed twice");
    assert_eq!(unique, keys::all().into_keys().collect());
}

/// A heading of the page that somebody links to.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn guide_and_reference_link_to_headings_that_exist() {
    let names = ["configuration.md", "reference.md"];
    for name in names {
        let text = page(name);
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap_or_default();
            let Some((file, anchor)) = link.split_once('#') else {
                continue;
            };
            let file = if file.is_empty() { name } else { file };
            if names.contains(&file) {
                assert!(anchors(&page(file)).contains(anchor), "{name}: {link}");
            }
        }
    }
}

#[test]
fn its_files_load() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("secrets")).expect("a directory");
    fs::write(directory.path().join("secrets/token"), "s3cret\n").expect("a secret");
    fs::create_dir(directory.path().join("certs")).expect("a directory");
    for name in ["server", "wildcard", "ca", "client"] {
        certificates::write(&directory.path().join("certs"), name);
    }
    let secret = "0123456789abcdef0123456789abcdef\n";
    fs::write(directory.path().join("secrets/jwt"), secret).expect("a secret");
    let loader = Loader::new([("BACKEND".to_owned(), "127.0.0.1:3000".to_owned())]);
    let page = page("configuration.md");
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
