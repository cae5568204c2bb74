//! Routes that take the same requests: nothing could tell which of them is meant.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Checker;
use crate::limits;
use crate::model::{HostMatch, PathMatch, Route};
use crate::tree::{KeyPath, Node, Value};

/// What a request is told by.
type Match<'a> = (usize, Option<&'a HostMatch>, &'a PathMatch);

/// Reports each pair of routes, and each route with itself, that match the same.
pub(super) fn check(routes: &[(usize, Option<Route>)], checker: &mut Checker<'_>) {
    let complete = || {
        routes
            .iter()
            .filter_map(|(index, route)| Some((*index, route.as_ref()?)))
    };
    let total: usize = complete()
        .map(|(_, route)| count(route))
        .fold(0, usize::saturating_add);
    if total > limits::MATCHES {
        let message = format!(
            "the routes have {total} combinations of listener, host and path; at most {} can be compared",
            limits::MATCHES
        );
        checker.fault(&KeyPath::ROOT.key("routes"), message);
        return;
    }
    let mut seen: HashMap<Match<'_>, (usize, usize)> = HashMap::new();
    for (index, route) in complete() {
        // One fault per route is enough: a list of equal hosts would repeat it many times.
        let mut reported = false;
        for (matched, place) in matches(route) {
            match seen.entry(matched) {
                Entry::Vacant(entry) => {
                    entry.insert((index, place));
                }
                Entry::Occupied(entry) if !reported => {
                    report((index, place), *entry.get(), matched, routes, checker);
                    reported = true;
                }
                Entry::Occupied(_) => {}
            }
        }
    }
}

fn count(route: &Route) -> usize {
    route
        .listeners
        .len()
        .saturating_mul(route.hosts.len().max(1))
        .saturating_mul(route.paths.len())
}

/// Every combination, with the place of its path in the list of paths.
fn matches(route: &Route) -> impl Iterator<Item = (Match<'_>, usize)> {
    let hosts = move || {
        let any = route.hosts.is_empty().then_some(None);
        any.into_iter().chain(route.hosts.iter().map(Some))
    };
    route.listeners.iter().flat_map(move |listener| {
        hosts().flat_map(move |host| {
            route
                .paths
                .iter()
                .enumerate()
                .map(move |(place, path)| ((*listener, host, path), place))
        })
    })
}

fn report(
    (route, place): (usize, usize),
    (first, first_place): (usize, usize),
    (_, host, path): Match<'_>,
    routes: &[(usize, Option<Route>)],
    checker: &mut Checker<'_>,
) {
    let section = KeyPath::ROOT.key("routes");
    let (entry, first_entry) = (section.index(route), section.index(first));
    let (paths, first_paths) = (entry.key("path"), first_entry.key("path"));
    let shown = match path {
        PathMatch::Exact(path) => path.clone(),
        PathMatch::Prefix(prefix) => format!("{prefix}/*"),
    };
    let on_host = match host {
        None => String::new(),
        Some(HostMatch::Exact(host)) => format!(" of host `{host}`"),
        Some(HostMatch::Suffix(suffix)) => format!(" of host `*{suffix}`"),
    };
    let at = paths.item(in_list(checker.tree, &paths, place));
    if route == first {
        checker.fault(
            &at,
            format!("the route takes `{shown}`{on_host} twice; keep one of them"),
        );
        return;
    }
    let id = routes
        .iter()
        .find(|(index, _)| *index == first)
        .and_then(|(_, route)| Some(&route.as_ref()?.id));
    let id = id.map_or("", String::as_str);
    let first_at = first_paths.item(in_list(checker.tree, &first_paths, first_place));
    let origin = checker.tree.nearest(&first_at).origin.clone();
    let own = routes
        .iter()
        .find(|(index, _)| *index == route)
        .and_then(|(_, route)| Some(&route.as_ref()?.id));
    let own = own.map_or("", String::as_str);
    let message = format!(
        "route `{own}` takes `{shown}`{on_host}, and so does route `{id}` {origin}; they have to differ in path, host or listener"
    );
    checker.fault(&at, message);
}

/// The place in the list, when the paths stand in a list.
fn in_list(tree: &Node, path: &KeyPath<'_>, place: usize) -> Option<usize> {
    matches!(tree.nearest(path).value, Value::List(_)).then_some(place)
}
