//! Paths with parameters, segment by segment.
//!
//! Where a segment may be a text or a parameter, the text is tried first; what ends later comes before what takes
//! everything below. No place of the tree is looked at twice, so that a path cannot make the search long.

use loom_config::model::{PathTemplate, Segment};
use rustc_hash::FxHashMap;

use super::candidates::{Candidate, Candidates, Found, Subject};

/// A place in the tree of templates: what comes next, and which routes end here.
#[derive(Debug, Default)]
pub(super) struct Templates {
    texts: FxHashMap<Box<str>, Templates>,
    parameter: Option<Box<Templates>>,
    here: Candidates,
    /// Those that end in `/*`.
    below: Candidates,
}

impl Templates {
    pub(super) fn insert(&mut self, template: &PathTemplate, candidate: Candidate) {
        let mut at = self;
        for segment in &template.segments {
            at = match segment {
                Segment::Literal(text) => at.texts.entry(text.as_str().into()).or_default(),
                Segment::Parameter(_) => at.parameter.get_or_insert_default(),
            };
        }
        if template.below {
            at.below.push(candidate);
        } else {
            at.here.push(candidate);
        }
    }

    pub(super) fn find(&self, path: &str, subject: &Subject<'_>) -> Option<Found> {
        self.walk(path.strip_prefix('/'), subject)
    }

    /// What takes the rest of a path, which is `None` when there is no further segment.
    fn walk(&self, rest: Option<&str>, subject: &Subject<'_>) -> Option<Found> {
        let found = match rest {
            None => self.here.find(subject),
            Some(rest) => {
                let (segment, rest) = match rest.split_once('/') {
                    Some((segment, rest)) => (segment, Some(rest)),
                    None => (rest, None),
                };
                let text = self.texts.get(segment);
                let parameter = self.parameter.as_deref().filter(|_| !segment.is_empty());
                text.and_then(|text| text.walk(rest, subject))
                    .or_else(|| parameter?.walk(rest, subject))
            }
        };
        found.or_else(|| self.below.find(subject))
    }

    /// Everything that is asked, in that order.
    pub(super) fn each(&self, all: &mut Vec<Found>) {
        let mut texts: Vec<_> = self.texts.iter().collect();
        texts.sort_unstable_by_key(|(text, _)| *text);
        for (_, below) in texts {
            below.each(all);
        }
        if let Some(parameter) = &self.parameter {
            parameter.each(all);
        }
        all.extend(self.here.each());
        all.extend(self.below.each());
    }
}
