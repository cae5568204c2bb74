//! A regular expression of the file.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::limits;

/// A regular expression that has to match the whole of a text. Two are equal when they are written the same.
#[derive(Clone)]
pub struct Pattern {
    written: Box<str>,
    regex: Regex,
}

impl Pattern {
    /// Compiles what the file says.
    pub(crate) fn new(written: &str) -> Result<Self, regex::Error> {
        let compile = |text: &str| {
            RegexBuilder::new(text)
                .size_limit(limits::PATTERN_BYTES)
                .dfa_size_limit(limits::PATTERN_BYTES)
                .build()
        };
        // By itself first: `a)|(b` is only something when it stands in a group.
        compile(written)?;
        Ok(Self {
            written: written.into(),
            regex: compile(&format!(r"\A(?:{written})\z"))?,
        })
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// What matches, from its first to its last character.
    pub fn regex(&self) -> &Regex {
        &self.regex
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.written)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_matches_the_whole_text() {
        let pattern = Pattern::new("a|bc").expect("valid");
        for (text, matches) in [("a", true), ("bc", true), ("ac", false), ("a\n", false)] {
            assert_eq!(pattern.regex().is_match(text), matches, "{text:?}");
        }
    }

    #[test]
    fn what_is_only_valid_in_a_group_is_refused() {
        assert!(Pattern::new("a)|(?:b").is_err());
    }

    #[test]
    fn one_that_is_too_large_is_refused() {
        assert!(Pattern::new("(a{1000}){1000}").is_err());
    }
}
