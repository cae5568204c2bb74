//! Keeps `docs/loom.schema.json` the same as what `loom-config` accepts.

use std::fs;
use std::path::Path;

use crate::Error;

/// Where the schema is kept, from the root of the workspace.
const FILE: &str = "docs/loom.schema.json";

/// Writes the schema into its file.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write(root: &Path) -> Result<(), Error> {
    fs::write(root.join(FILE), generated())
        .map_err(|e| Error::because(format!("cannot write {FILE}"), e))
}

/// Compares the file with the schema, and changes nothing.
///
/// # Errors
///
/// When they differ, or when the file cannot be read.
pub fn check(root: &Path) -> Result<(), Error> {
    let kept = fs::read_to_string(root.join(FILE)).map_err(|e| {
        Error::because(
            format!("cannot read {FILE}, which `cargo xtask schema` writes"),
            e,
        )
    })?;
    compare(&kept, &generated())
}

fn generated() -> String {
    format!("{:#}\n", loom_config::schema())
}

fn compare(kept: &str, generated: &str) -> Result<(), Error> {
    if kept == generated {
        return Ok(());
    }
    let same = kept
        .lines()
        .zip(generated.lines())
        .take_while(|(a, b)| a == b)
        .count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("(the end)").to_owned();
    Err(Error::new(format!(
        "{FILE} is not what loom-config accepts, from line {} on:\n  kept:      {}\n  generated: {}\n\
         Write it anew with `cargo xtask schema`, and commit it.",
        same + 1,
        line(kept),
        line(generated),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_pass() {
        compare("{\n}\n", "{\n}\n").unwrap();
    }

    #[test]
    fn the_first_line_that_differs_is_shown() {
        let error = compare("{\n  \"a\": 1\n}\n", "{\n  \"b\": 1\n}\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("from line 2 on:\n  kept:        \"a\": 1\n  generated:   \"b\": 1\n"),
            "{error}"
        );
        let error = compare("{", "{\n}\n").unwrap_err().to_string();
        assert!(
            error.contains("kept:      (the end)\n  generated: }"),
            "{error}"
        );
    }
}
