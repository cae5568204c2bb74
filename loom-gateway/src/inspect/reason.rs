//! Why a route does not take a request.

use std::fmt;

use http::Request;
use loom_config::model::{PathMatch, Route, Segment};

use super::table::Row;
use super::words::{self, listed};
use crate::router::{Matcher, conditions};

/// See the module's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It takes other hosts.
    Host(String),
    /// It takes other paths.
    Path(String),
    /// It takes other methods.
    Method(String),
    /// This condition about a header does not hold.
    Header(String),
    /// This condition about the query does not hold.
    Query(String),
    /// It would take it if another one, which is asked before, did not.
    Later(String),
}

impl Reason {
    /// The one word of it.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Host(_) => "host",
            Self::Path(_) => "path",
            Self::Method(_) => "method",
            Self::Header(_) => "header",
            Self::Query(_) => "query",
            Self::Later(_) => "later",
        }
    }

    /// Whether host and path of the route are those of the request.
    pub(crate) fn is_close(&self) -> bool {
        !matches!(self, Self::Host(_) | Self::Path(_))
    }

    /// The first thing about `route` that does not fit; `None` when everything does.
    pub(super) fn of(route: &Route, request: &Request<()>) -> Option<Self> {
        let any = Route {
            hosts: Vec::new(),
            paths: vec![PathMatch::Prefix(String::new())],
            methods: Vec::new(),
            headers: Vec::new(),
            query: Vec::new(),
            ..route.clone()
        };
        let only = |change: &dyn Fn(&mut Route)| {
            let mut only = any.clone();
            change(&mut only);
            fits(&only, request)
        };
        if !only(&|any| any.hosts.clone_from(&route.hosts)) {
            return Some(Self::Host(listed(&route.hosts)));
        }
        if !only(&|any| any.paths.clone_from(&route.paths)) {
            return Some(Self::Path(listed(&route.paths)));
        }
        if !only(&|any| any.methods.clone_from(&route.methods)) {
            return Some(Self::Method(words::methods(route)));
        }
        let mut headers = route.headers.iter();
        if let Some(asked) =
            headers.find(|asked| !only(&|any| any.headers = vec![(*asked).clone()]))
        {
            return Some(Self::Header(asked.to_string()));
        }
        let mut query = route.query.iter();
        let asked = query.find(|asked| !only(&|any| any.query = vec![(*asked).clone()]))?;
        Some(Self::Query(asked.to_string()))
    }

    /// Why `first` comes before `later`, where both fit.
    pub(super) fn later(first: &Row<'_>, later: &Row<'_>) -> Self {
        Self::Later(if first.host != later.host {
            let of = |row: &Row<'_>| match &row.host {
                None => "any host".to_owned(),
                host => words::host(host.as_ref()),
            };
            format!("host {} is closer than {}", of(first), of(later))
        } else if !is_same_place(first.path, later.path) {
            format!(
                "path {} ({}) is closer than {} ({})",
                first.path,
                kind(first.path),
                later.path,
                kind(later.path)
            )
        } else {
            let (one, other) = (first.route, later.route);
            match (conditions(one), conditions(other)) {
                (more, less) if more != less => format!("{more} conditions come before {less}"),
                _ if one.order != other.order => {
                    format!("order {} comes before {}", one.order, other.order)
                }
                _ => format!("{} comes before {} in the alphabet", one.id, other.id),
            }
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(hosts) => write!(f, "another host: it takes {hosts}"),
            Self::Path(paths) => write!(f, "another path: it takes {paths}"),
            Self::Method(methods) => write!(f, "another method: it takes {methods}"),
            Self::Header(asked) => write!(f, "it asks for the header {asked}"),
            Self::Query(asked) => write!(f, "it asks for the query {asked}"),
            Self::Later(why) => write!(f, "it fits, but later: {why}"),
        }
    }
}

/// Whether the host and path of `row` take a request, by all that its route asks for.
pub(super) fn row_fits(row: &Row<'_>, request: &Request<()>) -> bool {
    let alone = Route {
        hosts: row.host.clone().into_iter().collect(),
        paths: vec![row.path.clone()],
        ..row.route.clone()
    };
    fits(&alone, request)
}

/// Whether a route takes a request when there is no other.
fn fits(route: &Route, request: &Request<()>) -> bool {
    let found = Matcher::new(&[route]).find(request.method(), request.uri(), request.headers());
    found.is_some()
}

/// Whether only what else routes ask for tells them apart. Expressions are tried one after the other, and names of
/// parameters are no difference.
fn is_same_place(one: &PathMatch, other: &PathMatch) -> bool {
    let is_same = |(one, other): (&Segment, &Segment)| match (one, other) {
        (Segment::Literal(one), Segment::Literal(other)) => one == other,
        (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
    };
    match (one, other) {
        (PathMatch::Regex(_), PathMatch::Regex(_)) => true,
        (PathMatch::Template(one), PathMatch::Template(other)) => {
            one.below == other.below
                && one.segments.len() == other.segments.len()
                && one.segments.iter().zip(&other.segments).all(is_same)
        }
        _ => one == other,
    }
}

fn kind(path: &PathMatch) -> &'static str {
    match path {
        PathMatch::Exact(_) => "exact",
        PathMatch::Template(_) => "with parameters",
        PathMatch::Prefix(_) => "prefix",
        PathMatch::Regex(_) => "expression",
    }
}
