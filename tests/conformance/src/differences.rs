//! The accepted differences: the classes that cases name, and the list of them in `docs/abi.md`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::suite::Named;

/// Between these lines the document is generated.
const BEGIN: &str = "<!-- Written by `cargo xtask conformance --record`. -->";
const END: &str = "<!-- Until here. -->";

/// Why Loom may answer otherwise, by class.
pub(crate) struct Classes(Vec<(String, String)>);

impl Classes {
    /// Reads the classes, and checks that cases and classes fit.
    pub(crate) fn load(file: &Path, cases: &[Named]) -> Result<Self, Error> {
        let reasons: BTreeMap<String, String> = serde_saphyr::from_str(&fs::read_to_string(file)?)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        for case in cases {
            if let Some(class) = &case.case.differs
                && !reasons.contains_key(class)
            {
                return Err(format!("{}: there is no class `{class}`", case.id()).into());
            }
        }
        if let Some(class) = reasons.keys().find(|class| of(cases, class).is_empty()) {
            return Err(format!("no case is of the class `{class}`").into());
        }
        Ok(Self(reasons.into_iter().collect()))
    }

    /// The reason of a class.
    pub(crate) fn reason(&self, class: &str) -> &str {
        let found = self.0.iter().find(|(name, _)| name == class);
        found.map_or("", |(_, reason)| reason.trim())
    }

    /// The list for the document.
    fn table(&self, cases: &[Named]) -> String {
        let mut text =
            "| class | what Loom does otherwise, or why | cases that show it |\n|---|---|---|\n"
                .to_owned();
        for (class, reason) in &self.0 {
            let ids: Vec<_> = of(cases, class);
            let _ = writeln!(text, "| {class} | {} | {} |", reason.trim(), ids.join(", "));
        }
        text
    }
}

/// The cases of a class.
fn of(cases: &[Named], class: &str) -> Vec<String> {
    let is_of = |case: &&Named| case.case.differs.as_deref() == Some(class);
    cases.iter().filter(is_of).map(Named::id).collect()
}

/// The document that lists the differences.
pub(crate) struct Document(pub(crate) PathBuf);

impl Document {
    /// Writes the list into it.
    pub(crate) fn write(&self, classes: &Classes, cases: &[Named]) -> Result<(), Error> {
        let text = fs::read_to_string(&self.0)?;
        Ok(fs::write(
            &self.0,
            with_list(&text, &classes.table(cases))?,
        )?)
    }

    /// Whether the list in it is up to date.
    pub(crate) fn is_current(&self, classes: &Classes, cases: &[Named]) -> Result<bool, Error> {
        let text = fs::read_to_string(&self.0)?;
        Ok(with_list(&text, &classes.table(cases))? == text)
    }
}

fn with_list(document: &str, list: &str) -> Result<String, Error> {
    let (before, rest) = document
        .split_once(BEGIN)
        .ok_or("the document has no place for the list")?;
    let (_, after) = rest
        .split_once(END)
        .ok_or("the list in the document has no end")?;
    Ok(format!("{before}{BEGIN}\n\n{list}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let document = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = with_list(&document, "new\n").expect("a place");
        assert_eq!(new, format!("a\n{BEGIN}\n\nnew\n\n{END}\nb\n"));
        assert_eq!(with_list(&new, "new\n").expect("a place"), new);
        assert!(with_list("a", "new").is_err());
    }
}
