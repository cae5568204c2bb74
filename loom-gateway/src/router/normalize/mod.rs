//! One spelling per path, so that a route, a plugin and the upstream all judge the same one.
//!
//! Without it `/public/../admin`, `//admin`, `/%61dmin` and `\admin` would pass a rule for `/admin` by looking
//! different from it. What RFC 3986 (6.2.2) calls equivalent is made equal: dot segments are resolved, percent-encoded
//! unreserved characters are decoded. Doubled slashes are merged and a backslash becomes a slash, as browsers and Envoy
//! do it. `%2F` stays as it is: it is data inside of a segment. The listener's `normalize_path` may say otherwise.

mod path;

use std::task::{Context, Poll};

use axum::body::Body;
use futures_util::future::{Either, Ready, ready};
use http::header::{HeaderValue, LOCATION};
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri};
use loom_config::model::{EscapedSlashes, NormalizePath};
use tower::{Layer, Service};

use crate::errors::Failure;
use path::{Normal, normalize};

/// Puts [`Normalize`] around a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormalizePathLayer {
    rules: NormalizePath,
}

impl NormalizePathLayer {
    /// With the rules of a listener.
    pub(crate) fn new(rules: NormalizePath) -> Self {
        Self { rules }
    }

    /// With the rules of a listener, for a path that a plugin wrote: the client cannot ask for another one.
    pub(crate) fn behind_plugins(rules: NormalizePath) -> Self {
        Self::new(without_redirect(rules))
    }
}

impl<S> Layer<S> for NormalizePathLayer {
    type Service = Normalize<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Normalize {
            inner,
            rules: self.rules,
        }
    }
}

/// Gives the inner service requests whose path has its one normal spelling.
#[derive(Debug, Clone)]
pub(crate) struct Normalize<S> {
    inner: S,
    rules: NormalizePath,
}

impl<S, B> Service<Request<B>> for Normalize<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let answer = match apply(request.uri_mut(), self.rules) {
            Ok(None) => return Either::Left(self.inner.call(request)),
            Ok(Some(redirect)) => redirect,
            Err(failure) => failure.respond(request.uri().path(), None),
        };
        Either::Right(ready(Ok(answer)))
    }
}

/// Gives the path of a URI, which a plugin may have written, its one normal spelling.
///
/// # Errors
///
/// When the path has none.
pub(crate) fn normalize_path(uri: &mut Uri, rules: NormalizePath) -> Result<(), Failure> {
    apply(uri, without_redirect(rules)).map(drop)
}

fn without_redirect(rules: NormalizePath) -> NormalizePath {
    match rules.escaped_slashes {
        EscapedSlashes::Redirect => NormalizePath {
            escaped_slashes: EscapedSlashes::Unescape,
            ..rules
        },
        _ => rules,
    }
}

/// Changes the path, or gives the response that the client gets instead.
fn apply(uri: &mut Uri, rules: NormalizePath) -> Result<Option<Response<Body>>, Failure> {
    match normalize(uri.path(), rules) {
        Normal::Same => Ok(None),
        Normal::Changed(path) => {
            *uri = with_path(uri, path).ok_or(Failure::InvalidTarget)?;
            Ok(None)
        }
        Normal::Redirect(path) => redirect(uri, &path).map(Some),
        Normal::Refused => Err(Failure::PathRefused),
    }
}

fn with_path(uri: &Uri, mut path: String) -> Option<Uri> {
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_maybe_shared(path).ok()?);
    Uri::from_parts(parts).ok()
}

/// Sends the client to a path on the same host.
fn redirect(uri: &Uri, path: &str) -> Result<Response<Body>, Failure> {
    // Two slashes at the beginning would name a host, which the client, or whoever made the link, would choose.
    let mut location = format!("/{}", path.trim_start_matches('/'));
    if let Some(query) = uri.query() {
        location.push('?');
        location.push_str(query);
    }
    let location = HeaderValue::try_from(location).map_err(|_| Failure::InvalidTarget)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_not_touched() {
        let mut uri = Uri::from_static("/a//b?x=//..&y=%61");
        normalize_path(&mut uri, NormalizePath::default()).expect("it has a normal form");
        assert_eq!(uri, "/a/b?x=//..&y=%61");
    }

    #[test]
    fn a_redirect_stays_on_its_host() {
        let rules = NormalizePath {
            escaped_slashes: EscapedSlashes::Redirect,
            merge_slashes: false,
            ..NormalizePath::default()
        };
        let mut uri = Uri::from_static("/%2F%5Cevil.example/?x=%2F");
        let answer = apply(&mut uri, rules).expect("a path").expect("a redirect");
        assert_eq!(answer.headers()[LOCATION], "/evil.example/?x=%2F");
        // A plugin's path goes on.
        normalize_path(&mut uri, rules).expect("it has a normal form");
        assert_eq!(uri, "///evil.example/?x=%2F");
    }
}
