//! Routes that take the same requests: nothing could tell which of them is meant.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use http::Method;

use super::Checker;
use crate::limits;
use crate::model::{HostMatch, PathMatch, Predicate, Route, Segment, Test};
use crate::tree::{KeyPath, Node, Value};

/// What a request is told by: one combination of what a route lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Match<'a> {
    listener: usize,
    host: Option<&'a HostMatch>,
    path: &'a str,
    method: Option<&'a Method>,
    fields: &'a str,
    order: i32,
}

/// A route, and what of it is compared.
struct Candidate<'a> {
    /// Its place in the file.
    index: usize,
    route: &'a Route,
    /// Its paths, as they are written but for the names of parameters.
    paths: Vec<String>,
    /// What it asks about headers and the query.
    fields: String,
}

impl<'a> Candidate<'a> {
    fn new(index: usize, route: &'a Route) -> Self {
        let mut fields: Vec<String> = route.headers.iter().map(field).collect();
        fields.extend(route.query.iter().map(|asked| format!("?{}", field(asked))));
        fields.sort_unstable();
        Self {
            index,
            route,
            paths: route.paths.iter().map(|path| show(path, |_| "")).collect(),
            fields: fields.join("\n"),
        }
    }

    fn count(&self) -> usize {
        self.route
            .listeners
            .len()
            .saturating_mul(self.route.hosts.len().max(1))
            .saturating_mul(self.route.methods.len().max(1))
            .saturating_mul(self.paths.len())
    }

    /// Every combination, with the place of its path in the list of paths.
    fn matches(&self) -> impl Iterator<Item = (Match<'_>, usize)> {
        let route = self.route;
        let combined = route.listeners.iter().flat_map(move |listener| {
            or_any(&route.hosts).flat_map(move |host| {
                or_any(&route.methods).map(move |method| (*listener, host, method))
            })
        });
        combined.flat_map(move |(listener, host, method)| {
            let paths = self.paths.iter().enumerate();
            paths.map(move |(place, path)| {
                let matched = Match {
                    listener,
                    host,
                    path,
                    method,
                    fields: &self.fields,
                    order: route.order,
                };
                (matched, place)
            })
        })
    }
}

/// The items of a list; an empty one stands for anything.
fn or_any<T>(list: &[T]) -> impl Iterator<Item = Option<&T>> {
    let any = list.is_empty().then_some(None);
    any.into_iter().chain(list.iter().map(Some))
}

fn field<N: std::fmt::Debug>(asked: &Predicate<N>) -> String {
    let Predicate { name, test } = asked;
    match test {
        Test::Exact(value) => format!("{name:?} = {value:?}"),
        Test::Matches(pattern) => format!("{name:?} ~ {:?}", pattern.as_str()),
        Test::Present(present) => format!("{name:?} {present}"),
    }
}

/// Reports each pair of routes, and each route with itself, that match the same.
pub(super) fn check(routes: &[(usize, Option<Route>)], checker: &mut Checker<'_>) {
    let candidates: Vec<Candidate<'_>> = routes
        .iter()
        .filter_map(|(index, route)| Some(Candidate::new(*index, route.as_ref()?)))
        .collect();
    let total = candidates
        .iter()
        .map(Candidate::count)
        .fold(0, usize::saturating_add);
    if total > limits::MATCHES {
        let message = format!(
            "the routes have {total} combinations of listener, host, path and method; at most {} can be compared",
            limits::MATCHES
        );
        checker.fault(&KeyPath::ROOT.key("routes"), message);
        return;
    }
    let mut seen: HashMap<Match<'_>, (&Candidate<'_>, usize)> = HashMap::new();
    for candidate in &candidates {
        // One fault per route is enough: a list of equal hosts would repeat it many times.
        let mut reported = false;
        for (matched, place) in candidate.matches() {
            match seen.entry(matched) {
                Entry::Vacant(entry) => {
                    entry.insert((candidate, place));
                }
                Entry::Occupied(entry) if !reported => {
                    report((candidate, place), *entry.get(), matched, checker);
                    reported = true;
                }
                Entry::Occupied(_) => {}
            }
        }
    }
}

fn report(
    (own, place): (&Candidate<'_>, usize),
    (first, first_place): (&Candidate<'_>, usize),
    matched: Match<'_>,
    checker: &mut Checker<'_>,
) {
    let section = KeyPath::ROOT.key("routes");
    let (entry, first_entry) = (section.index(own.index), section.index(first.index));
    let (paths, first_paths) = (entry.key("path"), first_entry.key("path"));
    let on_host = match matched.host {
        None => String::new(),
        Some(HostMatch::Exact(host)) => format!(" of host `{host}`"),
        Some(HostMatch::Suffix(suffix)) => format!(" of host `*{suffix}`"),
    };
    let method = matched
        .method
        .map_or(String::new(), |method| format!("{method} "));
    let shown = show(&own.route.paths[place], |name| name);
    let at = paths.item(in_list(checker.tree, &paths, place));
    if own.index == first.index {
        let message = format!("the route takes {method}`{shown}`{on_host} twice; keep one of them");
        checker.fault(&at, message);
        return;
    }
    let first_at = first_paths.item(in_list(checker.tree, &first_paths, first_place));
    let place = checker.where_is(&first_at, &at);
    let (id, first_id) = (&own.route.id, &first.route.id);
    let message = format!(
        "route `{id}` takes {method}`{shown}`{on_host}, and so does route `{first_id}` {place}; they have to differ in path, host, listener, methods, headers, query or order"
    );
    checker.fault(&at, message);
}

/// A path as it is written, with these names of parameters. No two kinds of paths look the same.
fn show(path: &PathMatch, name: impl Fn(&str) -> &str) -> String {
    match path {
        PathMatch::Exact(path) => path.clone(),
        PathMatch::Prefix(prefix) => format!("{prefix}/*"),
        PathMatch::Regex(pattern) => format!("regex {}", pattern.as_str()),
        PathMatch::Template(template) => {
            let segments = template.segments.iter().map(|segment| match segment {
                Segment::Literal(text) => format!("/{text}"),
                Segment::Parameter(known) => format!("/{{{}}}", name(known)),
            });
            let below = if template.below { "/*" } else { "" };
            segments.chain([below.to_owned()]).collect()
        }
    }
}

/// The place in the list, when the paths stand in a list.
fn in_list(tree: &Node, path: &KeyPath<'_>, place: usize) -> Option<usize> {
    matches!(tree.nearest(path).value, Value::List(_)).then_some(place)
}
