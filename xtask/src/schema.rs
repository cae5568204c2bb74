//! Keeps `docs/loom.schema.json` and `docs/reference.md` the same as what `loom-config` accepts.

use std::fs;
use std::path::Path;

use crate::Error;

/// A file that is kept, from the root of the workspace, and how it is made.
type Kept = (&'static str, fn() -> String);

const FILES: [Kept; 2] = [
    ("docs/loom.schema.json", schema),
    ("docs/reference.md", loom_config::reference),
];

/// Writes the files.
///
/// # Errors
///
/// When one cannot be written.
pub fn write(root: &Path) -> Result<(), Error> {
    for (file, generated) in FILES {
        fs::write(root.join(file), generated())
            .map_err(|e| Error::because(format!("cannot write {file}"), e))?;
    }
    Ok(())
}

/// Compares the files with what they should be, and changes nothing.
///
/// # Errors
///
/// When one differs, or cannot be read.
pub fn check(root: &Path) -> Result<(), Error> {
    for (file, generated) in FILES {
        let kept = fs::read_to_string(root.join(file)).map_err(|e| {
            Error::because(
                format!("cannot read {file}, which `cargo xtask schema` writes"),
                e,
            )
        })?;
        compare(file, &kept, &generated())?;
    }
    Ok(())
}

fn schema() -> String {
    format!("{:#}\n", loom_config::schema())
}

fn compare(file: &str, kept: &str, generated: &str) -> Result<(), Error> {
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
        "{file} is not what loom-config accepts, from line {} on:\n  kept:      {}\n  generated: {}\n\
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
        compare("a", "{\n}\n", "{\n}\n").unwrap();
    }

    #[test]
    fn the_first_line_that_differs_is_shown() {
        let error = compare("a", "{\n  \"a\": 1\n}\n", "{\n  \"b\": 1\n}\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("from line 2 on:\n  kept:        \"a\": 1\n  generated:   \"b\": 1\n"),
            "{error}"
        );
        let error = compare("a", "{", "{\n}\n").unwrap_err().to_string();
        assert!(
            error.contains("kept:      (the end)\n  generated: }"),
            "{error}"
        );
    }
}
