//! Which route takes a request: host exact before longest wildcard before none, then path exact before longest prefix.
//!
//! The order of the file plays no part, and the time of a look-up depends on how different the configured names are,
//! not on how many routes there are or on what a client sends.

use std::collections::hash_map::Entry;
use std::hash::Hash;

use loom_config::model::{HostMatch, PathMatch};
use rustc_hash::FxHashMap;

/// The routes of one listener, by host and path. What it finds are the numbers that [`Matcher::insert`] was given.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    exact: FxHashMap<Box<str>, Paths>,
    /// By `.example.com`, for every host below.
    suffixes: FxHashMap<Box<str>, Paths>,
    any: Paths,
}

impl Matcher {
    /// Adds a route. The first of two equal ones stays.
    pub(crate) fn insert(&mut self, hosts: &[HostMatch], paths: &[PathMatch], route: usize) {
        if hosts.is_empty() {
            self.any.insert(paths, route);
        }
        for host in hosts {
            let by_host = match host {
                HostMatch::Exact(name) => self.exact.entry(name.as_str().into()),
                HostMatch::Suffix(name) => self.suffixes.entry(name.as_str().into()),
            };
            by_host.or_default().insert(paths, route);
        }
    }

    /// The route for a host, in lower case and without a port, and a normalised path.
    pub(crate) fn find(&self, host: &str, path: &str) -> Option<usize> {
        let exact = || self.exact.get(host);
        // The first dot from the left starts the longest suffix.
        let wildcards = || {
            host.match_indices('.')
                .filter_map(|(dot, _)| self.suffixes.get(&host[dot..]))
        };
        if let Some(found) = (!self.exact.is_empty())
            .then(exact)
            .flatten()
            .and_then(|paths| paths.find(path))
        {
            return Some(found);
        }
        if !self.suffixes.is_empty()
            && let Some(found) = wildcards().find_map(|paths| paths.find(path))
        {
            return Some(found);
        }
        self.any.find(path)
    }
}

/// The routes of one host, by path.
#[derive(Debug, Default)]
struct Paths {
    exact: FxHashMap<Box<str>, usize>,
    prefixes: FxHashMap<Box<str>, usize>,
    /// The lengths that prefixes have, longest first, each once: what bounds a look-up.
    lengths: Vec<usize>,
}

impl Paths {
    fn insert(&mut self, paths: &[PathMatch], route: usize) {
        for path in paths {
            match path {
                PathMatch::Exact(path) => {
                    insert_first(&mut self.exact, path.as_str().into(), route);
                }
                PathMatch::Prefix(prefix) => {
                    insert_first(&mut self.prefixes, prefix.as_str().into(), route);
                    if let Err(at) = self
                        .lengths
                        .binary_search_by(|length| prefix.len().cmp(length))
                    {
                        self.lengths.insert(at, prefix.len());
                    }
                }
            }
        }
    }

    fn find(&self, path: &str) -> Option<usize> {
        if let Some(&route) = (!self.exact.is_empty())
            .then(|| self.exact.get(path))
            .flatten()
        {
            return Some(route);
        }
        let ends_segment =
            |length: usize| path.len() == length || path.as_bytes().get(length) == Some(&b'/');
        let prefixes = self.lengths.iter().filter(|&&length| ends_segment(length));
        prefixes
            .filter_map(|&length| self.prefixes.get(path.get(..length)?))
            .next()
            .copied()
    }
}

fn insert_first<K: Eq + Hash>(map: &mut FxHashMap<K, usize>, key: K, route: usize) {
    if let Entry::Vacant(vacant) = map.entry(key) {
        vacant.insert(route);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(path: &str) -> PathMatch {
        PathMatch::Exact(path.to_owned())
    }

    fn below(path: &str) -> PathMatch {
        PathMatch::Prefix(path.to_owned())
    }

    fn matcher(routes: &[(&[HostMatch], &[PathMatch])]) -> Matcher {
        let mut matcher = Matcher::default();
        for (number, (hosts, paths)) in routes.iter().enumerate() {
            matcher.insert(hosts, paths, number);
        }
        matcher
    }

    #[test]
    fn a_prefix_ends_at_a_segment() {
        let matcher = matcher(&[(&[], &[below("/api")])]);
        for path in ["/api", "/api/", "/api/x", "/api/x/y"] {
            assert_eq!(matcher.find("", path), Some(0), "{path}");
        }
        for path in ["/apis", "/ap", "/", "/x/api", "/API"] {
            assert_eq!(matcher.find("", path), None, "{path}");
        }
    }

    #[test]
    fn exact_beats_prefix_and_the_longest_prefix_wins() {
        let routes: [(&[HostMatch], &[PathMatch]); 4] = [
            (&[], &[below("")]),
            (&[], &[below("/a")]),
            (&[], &[below("/a/b")]),
            (&[], &[exact("/a/b")]),
        ];
        for order in [[0, 1, 2, 3], [3, 2, 1, 0]] {
            let matcher = matcher(&order.map(|number| routes[number]));
            let find = |path| matcher.find("", path).map(|found| order[found]);
            assert_eq!(find("/a/b"), Some(3));
            assert_eq!(find("/a/b/"), Some(2));
            assert_eq!(find("/a/bc"), Some(1));
            assert_eq!(find("/"), Some(0));
            assert_eq!(find("/x"), Some(0));
        }
    }

    #[test]
    fn the_closest_host_wins_and_none_is_the_last() {
        let matcher = matcher(&[
            (&[], &[below("")]),
            (&[HostMatch::Suffix(".example.com".into())], &[below("")]),
            (
                &[HostMatch::Suffix(".api.example.com".into())],
                &[below("")],
            ),
            (
                &[HostMatch::Exact("a.api.example.com".into())],
                &[below("/only")],
            ),
        ]);
        assert_eq!(matcher.find("a.api.example.com", "/only/x"), Some(3));
        assert_eq!(
            matcher.find("a.api.example.com", "/else"),
            Some(2),
            "no path of the exact host: the next one"
        );
        assert_eq!(matcher.find("x.y.api.example.com", "/"), Some(2));
        assert_eq!(matcher.find("api.example.com", "/"), Some(1));
        assert_eq!(
            matcher.find("example.com", "/"),
            Some(0),
            "a wildcard does not take the domain itself"
        );
        assert_eq!(matcher.find("notexample.com", "/"), Some(0));
        assert_eq!(matcher.find("", "/"), Some(0));
    }

    #[test]
    fn of_two_equal_routes_the_first_stays() {
        let matcher = matcher(&[(&[], &[exact("/a")]), (&[], &[exact("/a")])]);
        assert_eq!(matcher.find("", "/a"), Some(0));
    }

    #[test]
    fn a_path_that_is_cut_inside_a_character_is_no_panic() {
        assert_eq!(matcher(&[(&[], &[below("/a")])]).find("", "/é/"), None);
    }
}
