//! Whether what was seen of a case is what was recorded.

use similar::{ChangeTag, TextDiff};

use crate::recorded::Answers;
use crate::suite::Named;
use crate::transcript::Transcript;

/// What one case came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As recorded of Envoy.
    Same,
    /// Not as Envoy, but as the case allows, and as recorded of Loom.
    Accepted,
    /// Nothing is recorded.
    Unknown,
    /// It differs, in these lines.
    Different(Vec<String>),
    /// It is marked as different and is not.
    Stale,
}

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        matches!(self, Self::Same | Self::Accepted)
    }

    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Accepted => "accepted",
            Self::Unknown => "not recorded",
            Self::Different(_) => "DIFFERENT",
            Self::Stale => "MARKED IN VAIN",
        }
    }
}

/// Judges a transcript of `host`.
pub(crate) fn judge(
    case: &Named,
    host: &str,
    recorded: Option<&Answers>,
    seen: &Transcript,
) -> Verdict {
    let Some(answers) = recorded.filter(|answers| !answers.envoy.is_empty()) else {
        return Verdict::Unknown;
    };
    let as_envoy = answers.envoy == seen.0;
    if host == "envoy" || case.case.differs.is_none() {
        return match as_envoy {
            true => Verdict::Same,
            false => Verdict::Different(difference(&answers.envoy, &seen.0)),
        };
    }
    match (as_envoy, answers.loom == seen.0) {
        (true, _) => Verdict::Stale,
        (false, true) => Verdict::Accepted,
        (false, false) => Verdict::Different(difference(&answers.loom, &seen.0)),
    }
}

/// The lines of both, each marked with where it stands: `-` recorded, `+` seen.
pub(crate) fn difference(recorded: &[String], seen: &[String]) -> Vec<String> {
    let recorded: Vec<_> = recorded.iter().map(String::as_str).collect();
    let seen: Vec<_> = seen.iter().map(String::as_str).collect();
    let diff = TextDiff::from_slices(&recorded, &seen);
    let line = |change: similar::Change<&str>| {
        let mark = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        format!("{mark} {}", change.value())
    };
    diff.iter_all_changes().map(line).collect()
}
