//! A file of each kind of mistake, with the exact text that it is answered with: `tests/bad/NAME.yaml` and `NAME.txt`.
//!
//! A first line `# environment: NAME=value ...` sets variables. To write the answers anew after a change of words, run
//! with `UPDATE_EXPECT=1` and read the difference.

use std::fs;
use std::path::Path;

use loom_config::Loader;

/// What every file may refer to.
const ENVIRONMENT: [(&str, &str); 3] = [
    ("BACKEND", "127.0.0.1:3000"),
    ("PORT", "3000"),
    ("EMPTY", ""),
];

#[test]
fn every_bad_file_is_answered_exactly() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let mut names: Vec<String> = fs::read_dir(&directory)
        .expect("the directory of bad files")
        .filter_map(|entry| {
            Some(
                entry
                    .ok()?
                    .file_name()
                    .to_str()?
                    .strip_suffix(".yaml")?
                    .to_owned(),
            )
        })
        .collect();
    names.sort();
    assert!(
        names.len() >= 45,
        "only {} bad files were found",
        names.len()
    );

    let mut wrong = Vec::new();
    for name in &names {
        let got = answer(&directory.join(format!("{name}.yaml")));
        let path = directory.join(format!("{name}.txt"));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&path, &got).expect("the expected text can be written");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if got != expected {
            wrong.push(format!(
                "--- {name}: expected\n{expected}--- {name}: got\n{got}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The error of a file, as if it stood in the working directory.
fn answer(path: &Path) -> String {
    let bytes = fs::read(path).expect("the bad file");
    let text = String::from_utf8_lossy(&bytes);
    let first = text.lines().next().unwrap_or_default();
    let variables = first.strip_prefix("# environment: ").unwrap_or_default();
    let own = variables
        .split(' ')
        .filter_map(|variable| variable.split_once('='));
    let environment = ENVIRONMENT
        .into_iter()
        .chain(own)
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let error = Loader::new(environment)
        .load(path)
        .expect_err("the file is bad");
    assert!(error.is_invalid() && error.faults().len() > 0);
    let directory = path
        .parent()
        .map(|parent| format!("{}/", parent.display()))
        .unwrap_or_default();
    format!("{error}\n")
        .replace(&path.display().to_string(), "loom.yaml")
        .replace(&directory, "")
}
