//! The page of all keys, made from the schema: what editors show, for people to read in one go.

mod example;
mod key;
mod kind;

use std::fmt::Write;

use super::SCHEMA;
use super::shape::Shape;
use crate::overrides;
use key::Key;

const HEAD: &str = "\
# Reference of loom.yaml

Every key, with its type, its default, what it does, and an example. `cargo xtask schema` makes this page from what files are checked
with; it is not edited by hand. [configuration.md](configuration.md) explains how the keys work together, and what durations, sizes and
the like look like ([units](configuration.md#units)).

`routes[].path` is the key `path` of each item of the list `routes`. Where a list can be a single value, a single value can stand in its place.

";

/// Every key of `loom.yaml` in Markdown, the same that the repository keeps in `docs/reference.md`.
pub fn reference() -> String {
    let keys = key::all(Shape::root(&SCHEMA));
    let sections: Vec<&Key<'_>> = keys.iter().filter(|key| key.is_section(&keys)).collect();
    let mut page = HEAD.to_owned();
    page.push_str("- [The top of the file](#the-top-of-the-file)\n");
    for section in &sections {
        let _ = writeln!(page, "- [{0}](#{0})", section.path);
    }
    page.push_str("- [Environment](#environment)\n\n## The top of the file\n\n");
    table(&mut page, keys.iter().filter(|key| key.is_top()));
    for section in sections {
        let _ = write!(page, "\n## {}\n\n{}\n\n", section.path, section.effect());
        table(&mut page, keys.iter().filter(|key| key.is_below(section)));
    }
    environment(&mut page);
    page
}

fn table<'a>(page: &mut String, keys: impl Iterator<Item = &'a Key<'a>>) {
    page.push_str("| Key | Type | Default | What it does | Example |\n|---|---|---|---|---|\n");
    for key in keys {
        let example = key.example().map(|example| format!("`{}`", cell(&example)));
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            key.path,
            cell(&kind::of(key.shape)),
            cell(&key.default().unwrap_or_default()),
            cell(&key.effect()),
            example.unwrap_or_default(),
        );
    }
}

fn environment(page: &mut String) {
    page.push_str(
        "\n## Environment\n\nVariables that set a key, over what the file says \
         ([how](configuration.md#values-from-the-environment-and-from-files)).\n\n| Variable | Key |\n|---|---|\n",
    );
    for settable in super::settable().iter().filter(|one| one.is_value) {
        let variable = overrides::variable(&settable.path);
        let _ = writeln!(page, "| `{variable}` | `{}` |", settable.path.join("."));
    }
}

/// Text inside of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Report;
    use crate::schema::walk;
    use crate::tree;

    fn keys() -> Vec<Key<'static>> {
        key::all(Shape::root(&SCHEMA))
    }

    #[test]
    fn every_key_says_what_it_does_what_holds_without_it_and_how_it_is_written() {
        let mut missing = Vec::new();
        for key in keys() {
            if key.effect().is_empty() {
                missing.push(format!("{}: no description", key.path));
            }
            if key.default().is_none() {
                missing.push(format!("{}: neither required nor `Default: ...`", key.path));
            }
            if key.example().is_none() && !key.is_above_others() {
                missing.push(format!("{}: no example", key.path));
            }
        }
        let hint = "a description ends in `Default: ...`, and `extend(\"examples\" = [...])` gives examples";
        assert!(missing.is_empty(), "{hint}:\n{}", missing.join("\n"));
    }

    #[test]
    fn every_example_is_what_its_key_takes() {
        for key in keys() {
            let Some(example) = key.example() else {
                continue;
            };
            let mut report = Report::new("example".as_ref());
            let tree = tree::parse(&example, &mut report);
            let tree = tree.unwrap_or_else(|| panic!("{}: {example}", key.path));
            let name = key.name();
            walk::read_key(key.shape, &tree, name, &mut report);
            if !report.is_empty() {
                panic!(
                    "{}: {example}: {}",
                    key.path,
                    report.into_error("example".as_ref())
                );
            }
        }
    }

    #[test]
    fn words_and_defaults_of_the_schema_are_shown() {
        let page = reference();
        for row in [
            "| `plugins[].failure_policy` | `closed` or `open` | `closed` |",
            "| `routes[].id` | name | required |",
            "| `listeners[].limits.header_timeout` | duration | `10s` |",
            "| `LOOM__LOG__LEVEL` | `log.level` |",
        ] {
            assert!(page.contains(row), "{row} is not in {page}");
        }
    }
}
