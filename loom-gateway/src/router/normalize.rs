//! One spelling per path, so that a route, a plugin and the upstream all judge the same one.
//!
//! Without it `/public/../admin`, `//admin`, `/%61dmin` and `\admin` would pass a rule for `/admin` by looking
//! different from it. What RFC 3986 (6.2.2) calls equivalent is made equal: dot segments are resolved, percent-encoded
//! unreserved characters are decoded. Doubled slashes are merged and a backslash becomes a slash, as browsers and Envoy
//! do it. `%2F` stays as it is: it is data inside of a segment.

use std::task::{Context, Poll};

use axum::body::Body;
use futures_util::future::{Either, Ready, ready};
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use tower::{Layer, Service};

use crate::errors::Failure;

/// Puts [`NormalizePath`] around a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormalizePathLayer;

impl<S> Layer<S> for NormalizePathLayer {
    type Service = NormalizePath<S>;

    fn layer(&self, inner: S) -> Self::Service {
        NormalizePath { inner }
    }
}

/// Gives the inner service requests whose path has its one normal spelling.
#[derive(Debug, Clone)]
pub(crate) struct NormalizePath<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for NormalizePath<S>
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
        match normalize_path(request.uri_mut()) {
            Ok(()) => Either::Left(self.inner.call(request)),
            Err(failure) => {
                let response = failure.respond(request.uri().path(), None);
                Either::Right(ready(Ok(response)))
            }
        }
    }
}

/// Gives a URI's path its one normal spelling.
///
/// # Errors
///
/// When the path has none.
pub(crate) fn normalize_path(uri: &mut Uri) -> Result<(), Failure> {
    if let Some(path) = normalize(uri.path()) {
        *uri = with_path(uri, path).ok_or(Failure::InvalidTarget)?;
    }
    Ok(())
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

/// The normal spelling of `path`, or `None` when it already is one.
fn normalize(path: &str) -> Option<String> {
    if !needs_work(path.as_bytes()) {
        return None;
    }
    let decoded = decode(path);
    let mut segments: Vec<&str> = Vec::new();
    let mut directory = true;
    for segment in decoded.split('/') {
        directory = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => _ = segments.pop(),
            segment => segments.push(segment),
        }
    }
    let mut normal = String::with_capacity(decoded.len() + 1);
    for segment in &segments {
        normal.push('/');
        normal.push_str(segment);
    }
    if directory || segments.is_empty() {
        normal.push('/');
    }
    (normal != path).then_some(normal)
}

/// Whether a path has anything in it that could be spelled otherwise. Nearly none has.
fn needs_work(path: &[u8]) -> bool {
    let mut previous = 0;
    for &byte in path {
        match byte {
            b'%' | b'\\' => return true,
            b'/' | b'.' if previous == b'/' => return true,
            _ => previous = byte,
        }
    }
    path.first() != Some(&b'/')
}

/// Decodes percent-encoded unreserved characters, the only ones that mean the same in both spellings, and turns
/// backslashes into slashes.
fn decode(path: &str) -> String {
    let mut decoded = String::with_capacity(path.len());
    for character in path.chars() {
        decoded.push(if character == '\\' { '/' } else { character });
        // Again for what comes out: it may complete an escape that was cut short before it, as in `%2%65`.
        while let Some(character) = unreserved_at_end(&decoded) {
            decoded.truncate(decoded.len() - 3);
            decoded.push(character);
        }
    }
    decoded
}

/// The unreserved character whose encoding a text ends with.
fn unreserved_at_end(text: &str) -> Option<char> {
    let [.., b'%', high, low] = *text.as_bytes() else {
        return None;
    };
    let value = char::from(high).to_digit(16)? * 16 + char::from(low).to_digit(16)?;
    char::from_u32(value)
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_paths_become_equal() {
        for (path, normal) in [
            ("//admin", "/admin"),
            ("/a///b//", "/a/b/"),
            ("/public/../admin", "/admin"),
            ("/public/%2e%2E/admin", "/admin"),
            ("/public/.%2e/admin", "/admin"),
            ("/%61dmin", "/admin"),
            ("\\admin\\..\\x", "/x"),
            ("/a/./b/.", "/a/b/"),
            ("/a/b/..", "/a/"),
            ("/..", "/"),
            ("/../../etc/passwd", "/etc/passwd"),
            ("/%2e", "/"),
            ("//", "/"),
            ("/%7Euser", "/~user"),
            ("/a/%2%65%2%65/b", "/b"),
            ("/%%36%31", "/a"),
        ] {
            assert_eq!(normalize(path).as_deref(), Some(normal), "{path}");
            assert_eq!(normalize(normal), None, "{normal} has to be stable");
        }
    }

    #[test]
    fn what_is_data_stays() {
        for path in [
            "/",
            "/a/b",
            "/a/b/",
            "/a%2Fb",
            "/a%2f..%2fb",
            "/.well-known/x",
            "/a/...",
            "/a..b",
            "/100%",
            "/%zz",
            "/%c3%a9",
        ] {
            assert_eq!(normalize(path), None, "{path}");
        }
    }

    #[test]
    fn the_result_of_one_pass_is_final() {
        // `%252e` decodes to nothing: `%25` is no unreserved character, so that there is no second meaning to find.
        assert_eq!(normalize("/%252e%252e/x"), None);
        assert_eq!(normalize("/a/%2e%2e%2e/"), Some("/a/.../".to_owned()));
    }

    #[test]
    fn a_query_is_not_touched() {
        let uri = Uri::from_static("/a//b?x=//..&y=%61");
        let path = normalize(uri.path()).expect("work to do");
        assert_eq!(with_path(&uri, path).expect("valid"), "/a/b?x=//..&y=%61");
    }
}
