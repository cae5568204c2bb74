//! Routes of one host and path: what tells them apart.

use std::cmp::Reverse;
use std::sync::Arc;

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use loom_config::model::{Predicate, Route, Test};
use smallvec::SmallVec;

/// The route that takes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its place among the routes of the listener.
    pub(crate) route: usize,
    /// The place, among its paths, of the one that took the request.
    pub(crate) path: usize,
}

/// A request, as far as routes look at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
}

/// Where a route stands among those that are equally close to a request by host and path: the one that asks for more
/// comes first, then the lower `order`. What is left would be left to chance without the ids.
pub(super) fn rank(route: &Route) -> (Reverse<usize>, i32, String) {
    (Reverse(conditions(route)), route.order, route.id.clone())
}

/// How much a route asks for beside host and path.
pub(crate) fn conditions(route: &Route) -> usize {
    usize::from(!route.methods.is_empty()) + route.headers.len() + route.query.len()
}

/// One of the paths of a route.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) found: Found,
    /// `None` when the route takes whatever has its host and path.
    conditions: Option<Arc<Conditions>>,
}

impl Candidate {
    pub(super) fn new(route: &Route, place: usize) -> Self {
        let conditions = Conditions {
            methods: route.methods.clone(),
            preflights: route.middleware.cors.is_some(),
            headers: route.headers.clone(),
            query: route.query.clone(),
        };
        Self {
            found: Found {
                route: place,
                path: 0,
            },
            conditions: (!conditions.is_empty()).then(|| Arc::new(conditions)),
        }
    }

    /// The same route by another one of its paths.
    pub(super) fn by_path(&self, path: usize) -> Self {
        let found = Found { path, ..self.found };
        Self {
            found,
            conditions: self.conditions.clone(),
        }
    }

    pub(super) fn find(&self, subject: &Subject<'_>) -> Option<Found> {
        match &self.conditions {
            Some(conditions) if !conditions.hold(subject) => None,
            _ => Some(self.found),
        }
    }
}

/// The routes of one host and path, in the order in which they are asked.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    // One is the usual case, and needs no second look elsewhere in memory.
    list: SmallVec<[Candidate; 1]>,
}

impl Candidates {
    pub(super) fn push(&mut self, candidate: Candidate) {
        self.list.push(candidate);
    }

    pub(super) fn find(&self, subject: &Subject<'_>) -> Option<Found> {
        self.list
            .iter()
            .find_map(|candidate| candidate.find(subject))
    }

    /// All of them, in the order in which they are asked.
    pub(super) fn each(&self) -> impl Iterator<Item = Found> {
        self.list.iter().map(|candidate| candidate.found)
    }
}

/// What a route asks about beside host and path.
#[derive(Debug)]
struct Conditions {
    methods: Vec<Method>,
    /// Whether it answers browsers that ask whether they may use one of its methods.
    preflights: bool,
    headers: Vec<Predicate<HeaderName>>,
    query: Vec<Predicate<String>>,
}

impl Conditions {
    /// Whether a browser asks for one of its methods.
    fn asked_for(&self, subject: &Subject<'_>) -> bool {
        let mut methods = self.methods.iter();
        preflight(subject).is_some_and(|asked| methods.any(|one| one.as_str().as_bytes() == asked))
    }

    fn is_empty(&self) -> bool {
        self.methods.is_empty() && self.headers.is_empty() && self.query.is_empty()
    }

    fn hold(&self, subject: &Subject<'_>) -> bool {
        (self.methods.is_empty()
            || self.methods.contains(subject.method)
            || self.preflights && self.asked_for(subject))
            && self
                .headers
                .iter()
                .all(|asked| holds_of_header(asked, subject.headers))
            && self
                .query
                .iter()
                .all(|asked| holds_of_query(asked, subject.uri.query().unwrap_or_default()))
    }
}

/// The method that a browser asks for before it uses it.
fn preflight<'a>(subject: &Subject<'a>) -> Option<&'a [u8]> {
    let asked = subject.headers.get(ACCESS_CONTROL_REQUEST_METHOD);
    let asked = asked.filter(|_| *subject.method == Method::OPTIONS);
    asked.map(HeaderValue::as_bytes)
}

fn holds_of_header(asked: &Predicate<HeaderName>, headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(&asked.name).iter();
    match &asked.test {
        Test::Exact(wanted) => values.any(|value| value.as_bytes() == wanted.as_bytes()),
        Test::Matches(pattern) => values.any(|value| {
            std::str::from_utf8(value.as_bytes()).is_ok_and(|value| pattern.regex().is_match(value))
        }),
        Test::Present(wanted) => values.next().is_some() == *wanted,
    }
}

fn holds_of_query(asked: &Predicate<String>, query: &str) -> bool {
    let mut values = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| *name == asked.name)
        .map(|(_, value)| value);
    match &asked.test {
        Test::Exact(wanted) => values.any(|value| value == wanted.as_str()),
        Test::Matches(pattern) => values.any(|value| pattern.regex().is_match(&value)),
        Test::Present(wanted) => values.next().is_some() == *wanted,
    }
}
