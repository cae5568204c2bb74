//! Holds what the documents say against what there is.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_readme_shows_the_guide_s_configuration() {
    let shown = format!("```yaml\n{}```\n", read("examples/guide/loom.yaml"));
    assert!(read("README.md").contains(&shown));
}

#[test]
fn relative_links_lead_somewhere() {
    let dangling: Vec<_> = documents()
        .iter()
        .flat_map(|document| dangling(document))
        .collect();
    assert!(dangling.is_empty(), "{dangling:#?}");
}

#[test]
fn a_link_is_what_stands_in_round_brackets_after_square_ones() {
    let text = "[a](b.md#c), `f(x)` and [d](https://e) [f](#g)";
    assert_eq!(
        links(text).collect::<Vec<_>>(),
        ["b.md#c", "https://e", "#g"]
    );
}

/// The Markdown files at the root, in `docs`, and of the examples.
fn documents() -> Vec<PathBuf> {
    let mut folders = ["", "docs", "examples"].map(PathBuf::from).to_vec();
    let plugins = fs::read_dir(crate::root().join("examples/plugins")).unwrap();
    folders.extend(
        plugins
            .map(|folder| folder.unwrap().path())
            .filter(|path| path.is_dir()),
    );
    let mut found = Vec::new();
    for folder in folders {
        let files = fs::read_dir(crate::root().join(folder)).unwrap();
        found.extend(
            files
                .map(|file| file.unwrap().path())
                .filter(|path| path.extension().is_some_and(|e| e == "md")),
        );
    }
    assert!(found.len() > 8, "{found:?}");
    found
}

/// The links of a document to files that do not exist.
fn dangling(document: &Path) -> Vec<String> {
    let folder = document.parent().unwrap();
    let is_missing = |link: &&str| {
        let file = link.split('#').next().unwrap_or_default();
        !link.contains("://") && !folder.join(file).exists()
    };
    let text = fs::read_to_string(document).unwrap();
    links(&text)
        .filter(is_missing)
        .map(|link| format!("{}: {link}", document.display()))
        .collect()
}

fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
}

fn read(name: &str) -> String {
    fs::read_to_string(crate::root().join(name)).unwrap()
}
