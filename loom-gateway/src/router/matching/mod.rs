//! Which route takes a request: host exact before longest wildcard before none, then path exact before template before
//! longest prefix before regular expression, then the route that asks for most, then the one of the lowest `order`.
//!
//! The order of the file plays no part. But for regular expressions, the time of a look-up depends on how different the
//! configured names are, not on how many routes there are or on what a client sends.

mod candidates;
mod paths;
mod templates;

use std::cmp::Reverse;

use http::{HeaderMap, Method, Uri};
use loom_config::model::{HostMatch, Route};
use rustc_hash::FxHashMap;

pub(crate) use candidates::{Found, conditions};

use super::host;
use candidates::{Candidate, Subject};
use paths::Paths;

/// A host and a path of a route, as they are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `None`: whatever the host is.
    pub(crate) host: Option<HostMatch>,
    pub(crate) found: Found,
}

/// The routes of one listener, by host and path.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    exact: FxHashMap<Box<str>, Paths>,
    /// By `.example.com`, for every host below.
    suffixes: FxHashMap<Box<str>, Paths>,
    any: Paths,
}

impl Matcher {
    /// The matcher of these routes. What it finds are their places.
    pub(crate) fn new(routes: &[&Route]) -> Self {
        let mut this = Self::default();
        let mut places: Vec<usize> = (0..routes.len()).collect();
        // What is equally close to a request is asked in the order in which it was added.
        places.sort_by_cached_key(|&place| candidates::rank(routes[place]));
        for place in places {
            this.insert(routes[place], place);
        }
        this
    }

    fn insert(&mut self, route: &Route, place: usize) {
        let candidate = Candidate::new(route, place);
        if route.hosts.is_empty() {
            self.any.insert(&route.paths, &candidate);
        }
        for host in &route.hosts {
            let by_host = match host {
                HostMatch::Exact(name) => self.exact.entry(name.as_str().into()),
                HostMatch::Suffix(name) => self.suffixes.entry(name.as_str().into()),
            };
            by_host.or_default().insert(&route.paths, &candidate);
        }
    }

    /// The route for a request whose path is normalised.
    pub(crate) fn find(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Found> {
        let host = self.has_hosts().then(|| host::authority(uri, headers));
        let host = host.flatten().and_then(host::comparable);
        self.find_on(host.as_deref().unwrap_or_default(), method, uri, headers)
    }

    fn has_hosts(&self) -> bool {
        !self.exact.is_empty() || !self.suffixes.is_empty()
    }

    /// The route for a host, in lower case and without a port.
    fn find_on(
        &self,
        host: &str,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<Found> {
        let subject = Subject {
            method,
            uri,
            headers,
        };
        if !self.exact.is_empty()
            && let Some(found) = self.exact.get(host).and_then(|paths| paths.find(&subject))
        {
            return Some(found);
        }
        // The first dot from the left starts the longest suffix.
        let mut wildcards = host
            .match_indices('.')
            .filter_map(|(dot, _)| self.suffixes.get(&host[dot..]));
        if !self.suffixes.is_empty()
            && let Some(found) = wildcards.find_map(|paths| paths.find(&subject))
        {
            return Some(found);
        }
        self.any.find(&subject)
    }

    /// Everything that requests are asked about, in that order. Where one request can meet only one of several, the
    /// alphabet decides. The order of a part of the routes alone is the same.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let of = |host: Option<HostMatch>, paths: &Paths| {
            let each = paths.each().into_iter();
            each.map(move |found| Asked {
                host: host.clone(),
                found,
            })
            .collect::<Vec<_>>()
        };
        let mut exact: Vec<_> = self.exact.iter().collect();
        exact.sort_unstable_by_key(|(host, _)| *host);
        let exact = exact
            .into_iter()
            .flat_map(|(host, paths)| of(Some(HostMatch::Exact(host.to_string())), paths));
        let mut suffixes: Vec<_> = self.suffixes.iter().collect();
        suffixes.sort_unstable_by_key(|(suffix, _)| (Reverse(suffix.len()), *suffix));
        let suffixes = suffixes
            .into_iter()
            .flat_map(|(suffix, paths)| of(Some(HostMatch::Suffix(suffix.to_string())), paths));
        exact.chain(suffixes).chain(of(None, &self.any)).collect()
    }
}

#[cfg(test)]
mod tests;
