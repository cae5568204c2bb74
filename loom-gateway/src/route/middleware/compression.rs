//! `compression`, by tower-http: which responses it is for, and what else changes with them.

use std::sync::Arc;

use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderValue};
use http::{HeaderMap, Request, Response};
use http_body::Body as HttpBody;
use loom_config::model;
use tower_http::compression::predicate::{Predicate, SizeAbove};
use tower_http::compression::{CompressionBody, CompressionLayer};

use crate::upgrade::Asked;

/// What gains nothing, being compressed already, or what must not wait until enough of it has come. gRPC has a compression of its
/// own.
const EXCLUDED: &[&str] = &[
    "application/gzip",
    "application/x-gzip",
    "application/zip",
    "application/zstd",
    "application/x-7z-compressed",
    "application/x-bzip2",
    "application/x-rar-compressed",
    "application/x-xz",
    "application/grpc",
    "application/octet-stream",
    "application/pdf",
    "audio/",
    "font/woff",
    "image/",
    "multipart/",
    "text/event-stream",
    "video/",
];

/// What of these is text all the same.
const INCLUDED: &[&str] = &["image/svg+xml", "application/grpc-web-text"];

/// tower-http's layer for this configuration.
pub(super) fn layer(model: &model::Compression) -> CompressionLayer<Compressible> {
    CompressionLayer::new()
        .gzip(model.gzip)
        .br(model.br)
        .zstd(model.zstd)
        .compress_when(Compressible {
            large: SizeAbove::new(model.min_size),
            exclude_types: model.exclude_types.as_slice().into(),
        })
}

/// Whether the layer is for this request. What follows an upgrade is nobody's to change.
pub(super) fn is_for(request: &Request<Body>) -> bool {
    request.extensions().get::<Asked>().is_none()
}

/// Which responses are compressed. That none is compressed twice is the layer's own rule.
#[derive(Debug, Clone)]
pub(super) struct Compressible {
    large: SizeAbove,
    exclude_types: Arc<[String]>,
}

impl Predicate for Compressible {
    fn should_compress<B: HttpBody>(&self, response: &Response<B>) -> bool {
        let headers = response.headers();
        self.large.should_compress(response) && !self.is_excluded(headers) && may_change(headers)
    }
}

impl Compressible {
    fn is_excluded(&self, headers: &HeaderMap) -> bool {
        let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let kind = kind.unwrap_or_default();
        let begins = |with: &str| {
            let beginning = kind.get(..with.len());
            beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(with.as_bytes()))
        };
        let excluded = EXCLUDED.iter().any(|with| begins(with));
        excluded && !INCLUDED.iter().any(|with| begins(with))
            || self.exclude_types.iter().any(|with| begins(with))
    }
}

/// `no-transform` forbids it (RFC 9111, 5.2.2.6).
fn may_change(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CACHE_CONTROL).iter();
    !values.any(|value| {
        let directives = value.to_str().unwrap_or_default().split(',');
        let mut names = directives.map(str::trim);
        names.any(|name| name.eq_ignore_ascii_case("no-transform"))
    })
}

/// Marks a response that is not compressed yet, and has an entity tag that holds for its bytes.
#[derive(Debug, Clone, Copy)]
struct StrongTag;

/// Notes, inside of the layer, what is known of a response before it.
pub(super) fn before(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers();
    let strong = headers.get(ETAG);
    let strong = strong.is_some_and(|tag| tag.as_bytes().starts_with(b"\""));
    if strong && !headers.contains_key(CONTENT_ENCODING) {
        response.extensions_mut().insert(StrongTag);
    }
    response
}

/// Makes, outside of the layer, the gateway's own response of what comes out of it.
pub(super) fn after(response: Response<CompressionBody<Body>>) -> Response<Body> {
    if !response.headers().contains_key(CONTENT_ENCODING) {
        return response.map(CompressionBody::into_inner);
    }
    let mut response = response.map(Body::new);
    // Other bytes need another tag, but mean the same (RFC 9110, 8.8.3.3).
    if response.extensions_mut().remove::<StrongTag>().is_some()
        && let Some(tag) = response.headers().get(ETAG)
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        response.headers_mut().insert(ETAG, weak);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compressible(content_type: &'static str, cache: &'static str) -> bool {
        let rule = Compressible {
            large: SizeAbove::new(4),
            exclude_types: ["text/csv".to_owned()].as_slice().into(),
        };
        let response = Response::builder()
            .header(CONTENT_TYPE, content_type)
            .header(CACHE_CONTROL, cache);
        rule.should_compress(&response.body(Body::from("four")).expect("a response"))
    }

    #[test]
    fn what_gains_nothing_stays_as_it_is() {
        for (content_type, wanted) in [
            ("application/json", true),
            ("text/html; charset=utf-8", true),
            ("IMAGE/png", false),
            ("image/svg+xml", true),
            ("text/event-stream", false),
            ("application/grpc+proto", false),
            ("application/grpc-web-text", true),
            ("TEXT/CSV; header=present", false),
            ("", true),
        ] {
            assert_eq!(
                compressible(content_type, "no-cache"),
                wanted,
                "{content_type}"
            );
        }
        assert!(!compressible("text/html", "private, No-Transform"));
    }
}
