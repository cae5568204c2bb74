//! What the source of a test speaks of.

use std::fs;
use std::path::{Path, PathBuf};

/// Whether a key stands in a test, or in what it uses of its own file and, in a folder of its own, of the files beside it.
pub(super) fn mentions(file: &str, test: &str, key: &str) -> bool {
    let file = xtask::root().join(file);
    let beside: Vec<_> = beside(&file).iter().map(|file| read(file)).collect();
    let (test, key) = (last(test, "::"), last(key, "."));
    speaks_of(&read(&file), &beside, test, key)
}

fn speaks_of(own: &str, beside: &[String], test: &str, key: &str) -> bool {
    let own = items(own);
    let beside: Vec<_> = beside.iter().flat_map(|source| items(source)).collect();
    let mut wanted = vec![test];
    let mut used: Vec<&str> = Vec::new();
    while let Some(name) = wanted.pop() {
        let is_own = own.iter().any(|(known, _)| *known == name);
        let place = if is_own { &own } else { &beside };
        for (_, text) in place.iter().filter(|(known, _)| *known == name) {
            if !used.contains(text) {
                used.push(text);
                wanted.extend(words(text));
            }
        }
    }
    used.iter().any(|text| words(text).any(|word| word == key))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn last<'a>(path: &'a str, separator: &str) -> &'a str {
    path.rsplit(separator).next().unwrap_or_default()
}

/// The other files of a folder of tests; none of those at the top, which have nothing in common.
fn beside(file: &Path) -> Vec<PathBuf> {
    let folder = file.parent().expect("a folder");
    if folder.ends_with("gateway") {
        return Vec::new();
    }
    let files = fs::read_dir(folder).expect("a folder").flatten();
    let files = files.map(|entry| entry.path());
    files
        .filter(|other| other.is_file() && other != file)
        .collect()
}

/// The items of a file that `rustfmt` has formatted, each with its name.
fn items(source: &str) -> Vec<(&str, &str)> {
    let mut items = Vec::new();
    let mut begin = 0;
    for (at, _) in source.match_indices("\n\n") {
        if !source[at + 2..].starts_with([' ', '}', '\n']) {
            items.push(&source[begin..at]);
            begin = at + 2;
        }
    }
    items.push(&source[begin..]);
    let named = items.into_iter().filter_map(|item| {
        let mut words = words(item).skip_while(|word| !matches!(*word, "fn" | "const" | "static"));
        Some((words.nth(1)?, item))
    });
    named.collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| !word.is_empty())
}

#[test]
fn a_test_is_what_it_uses_and_no_more() {
    let source = "\
const A: &str = \"one\";

fn helper() {
    let two = A;

    two
}

#[test]
fn first() {
    helper();
}

#[test]
fn second() {
    far();
}
";
    let beside = ["fn first() { let three = 3; }\n\nfn far() { let four = 4; }\n".to_owned()];
    let speaks_of = |test, key| speaks_of(source, &beside, test, key);
    for (test, key, expected) in [
        ("first", "one", true),
        ("first", "two", true),
        ("second", "one", false),
        ("first", "three", false),
        ("second", "four", true),
    ] {
        assert_eq!(speaks_of(test, key), expected, "{test} {key}");
    }
}
