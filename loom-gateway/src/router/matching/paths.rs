//! The routes of one host, by path.

use std::cmp::Reverse;

use loom_config::model::{PathMatch, Pattern};
use rustc_hash::FxHashMap;

use super::candidates::{Candidate, Candidates, Found, Subject};
use super::templates::Templates;

#[derive(Debug, Default)]
pub(super) struct Paths {
    exact: FxHashMap<Box<str>, Candidates>,
    /// `None` as long as there is none: most hosts have none.
    templates: Option<Box<Templates>>,
    prefixes: FxHashMap<Box<str>, Candidates>,
    /// The lengths that prefixes have, longest first, each once: what bounds a look-up.
    lengths: Vec<usize>,
    /// Tried one after the other.
    expressions: Vec<(Pattern, Candidate)>,
}

impl Paths {
    pub(super) fn insert(&mut self, paths: &[PathMatch], candidate: &Candidate) {
        for (place, path) in paths.iter().enumerate() {
            let candidate = candidate.by_path(place);
            match path {
                PathMatch::Exact(path) => {
                    let exact = self.exact.entry(path.as_str().into());
                    exact.or_default().push(candidate);
                }
                PathMatch::Template(template) => {
                    let templates = self.templates.get_or_insert_default();
                    templates.insert(template, candidate);
                }
                PathMatch::Prefix(prefix) => {
                    let prefixes = self.prefixes.entry(prefix.as_str().into());
                    prefixes.or_default().push(candidate);
                    if let Err(at) = self
                        .lengths
                        .binary_search_by(|length| prefix.len().cmp(length))
                    {
                        self.lengths.insert(at, prefix.len());
                    }
                }
                PathMatch::Regex(pattern) => self.expressions.push((pattern.clone(), candidate)),
            }
        }
    }

    pub(super) fn find(&self, subject: &Subject<'_>) -> Option<Found> {
        let path = subject.uri.path();
        if !self.exact.is_empty()
            && let Some(candidates) = self.exact.get(path)
            && let Some(found) = candidates.find(subject)
        {
            return Some(found);
        }
        if let Some(templates) = &self.templates
            && let Some(found) = templates.find(path, subject)
        {
            return Some(found);
        }
        let ends_segment =
            |length: usize| path.len() == length || path.as_bytes().get(length) == Some(&b'/');
        let prefixes = self.lengths.iter().filter(|&&length| ends_segment(length));
        let below = prefixes
            .filter_map(|&length| self.prefixes.get(path.get(..length)?))
            .find_map(|candidates| candidates.find(subject));
        below.or_else(|| {
            let mut expressions = self.expressions.iter();
            // What a route asks for is looked at first: it is cheaper than most expressions.
            expressions.find_map(|(pattern, candidate)| {
                let found = candidate.find(subject)?;
                pattern.regex().is_match(path).then_some(found)
            })
        })
    }

    /// Everything that is asked, in that order. Where one request can meet only one of them, the alphabet decides.
    pub(super) fn each(&self) -> Vec<Found> {
        let mut all = Vec::new();
        let mut exact: Vec<_> = self.exact.iter().collect();
        exact.sort_unstable_by_key(|(path, _)| *path);
        all.extend(
            exact
                .into_iter()
                .flat_map(|(_, candidates)| candidates.each()),
        );
        if let Some(templates) = &self.templates {
            templates.each(&mut all);
        }
        let mut prefixes: Vec<_> = self.prefixes.iter().collect();
        prefixes.sort_unstable_by_key(|(prefix, _)| (Reverse(prefix.len()), *prefix));
        all.extend(
            prefixes
                .into_iter()
                .flat_map(|(_, candidates)| candidates.each()),
        );
        all.extend(
            self.expressions
                .iter()
                .map(|(_, candidate)| candidate.found),
        );
        all
    }
}
