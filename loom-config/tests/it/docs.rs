//! Every file that a page shows loads; `docs/reference.md` lists every key.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

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

/// Where the pages are that show files: those of `docs`, and all that introduce something.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = Vec::new();
    let mut folders = vec![root.join("docs"), root.join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let kind = path.extension().is_some_and(|kind| kind == "md");
            // What package managers put there is not ours.
            if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
                folders.push(path);
            } else if kind {
                pages.push(path);
            }
        }
    }
    for folder in [".", "loom-config", "loom-gateway", "loom-layer"] {
        pages.push(root.join(folder).join("README.md"));
    }
    pages
}

/// The blocks of a page that are YAML, each with its line.
fn blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().zip(1..);
    while let Some((fence, at)) = lines.next() {
        let Some(kind) = fence.trim_start().strip_prefix("```") else {
            continue;
        };
        let inside = lines.by_ref().map(|(line, _)| line);
        let text: Vec<_> = inside
            .take_while(|line| !line.trim_start().starts_with("```"))
            .collect();
        if kind.starts_with("yaml") || kind.starts_with("yml") {
            blocks.push((at, text.join("\n") + "\n"));
        }
    }
    blocks
}

#[test]
fn a_block_is_what_stands_between_two_fences() {
    let page = "```sh\na: 1\n```\n- x\n  ```yaml\n  a: 1\n  ```\n```yaml title\nb:\n```\n";
    let expected = [(5, "  a: 1\n".to_owned()), (8, "b:\n".to_owned())];
    assert_eq!(blocks(page), expected);
}

#[test]
fn every_file_that_a_page_shows_loads() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("secrets")).expect("a directory");
    fs::write(directory.path().join("secrets/token"), "s3cret\n").expect("a secret");
    fs::create_dir(directory.path().join("certs")).expect("a directory");
    for name in ["server", "wildcard", "ca", "client"] {
        certificates::write(&directory.path().join("certs"), name);
    }
    let secret = "0123456789abcdef0123456789abcdef\n";
    fs::write(directory.path().join("secrets/jwt"), secret).expect("a secret");
    let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/public.pem");
    fs::copy(key, directory.path().join("public.pem")).expect("a key");
    let variables = [
        ("BACKEND", "127.0.0.1:3000"),
        ("ADMIN_TOKEN", "0123456789abcdef"),
    ];
    let loader = Loader::new(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut wrong = Vec::new();
    let mut loaded = BTreeMap::new();
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for (line, block) in blocks(&text) {
            if let Err(error) = loader.parse(directory.path().join("loom.yaml"), &block) {
                wrong.push(format!("{}:{line}:\n{block}{error}", page.display()));
            }
            let name = page.file_name().and_then(|name| name.to_str());
            *loaded
                .entry(name.unwrap_or_default().to_owned())
                .or_insert(0) += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    for (name, least) in [
        ("configuration.md", 30),
        ("first-plugin.md", 5),
        ("limits.md", 1),
        ("observability.md", 5),
        ("protocols.md", 1),
        ("tls.md", 4),
        ("README.md", 2),
    ] {
        let blocks = loaded.get(name).copied().unwrap_or(0);
        assert!(blocks >= least, "only {blocks} blocks of {name} were found");
    }
}
