//! The head of a gRPC call ("gRPC over HTTP/2", Requests).

use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST, TE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use http_body_util::BodyExt;

use super::super::http::append;
use super::super::{CalloutBody, Upstream};
use super::outgoing::Outgoing;
use super::target::GrpcTarget;
use crate::abi::Status;
use crate::abi::pairs::Pair;
use crate::limits;

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// What `proxy_grpc_call` or `proxy_grpc_stream` asks for, but for its messages.
pub(crate) struct GrpcRequest {
    pub(super) upstream: Upstream,
    pub(super) path: Uri,
    pub(super) headers: HeaderMap,
    /// The bytes of the largest message that it may get.
    pub(super) max_message: usize,
}

impl GrpcRequest {
    /// A request for `/service/method`. Metadata that is no header is refused, and what gRPC itself says in headers is not
    /// the guest's to say.
    pub(crate) fn new(
        target: GrpcTarget,
        (service, method): (&[u8], &[u8]),
        metadata: &[Pair<'_>],
    ) -> Result<Self, Status> {
        let path = [b"/", service, b"/", method].concat();
        let path = PathAndQuery::try_from(path).map_err(|_| Status::InternalFailure)?;
        let mut headers = HeaderMap::new();
        let of_target = target.metadata.iter();
        let of_target = of_target.map(|(name, value)| (&**name, &**value));
        for (name, value) in of_target.chain(metadata.iter().copied()) {
            append(&mut headers, name, value).map_err(|_| Status::InternalFailure)?;
        }
        let name = target.upstream.name().as_bytes();
        let authority = target.authority.as_deref().unwrap_or(name);
        let authority = HeaderValue::from_bytes(authority).map_err(|_| Status::InternalFailure)?;
        headers.insert(HOST, authority);
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.remove(GRPC_TIMEOUT);
        let max_message = target
            .max_message
            .map_or(limits::GRPC_MESSAGE_BYTES, |limit| {
                limits::GRPC_MESSAGE_BYTES.min(usize::try_from(limit).unwrap_or(usize::MAX))
            });
        Ok(Self {
            upstream: target.upstream,
            path: path.into(),
            headers,
            max_message,
        })
    }

    /// The upstream's name, and its headers.
    pub(crate) fn watched(&mut self) -> (&str, &mut HeaderMap) {
        (self.upstream.name(), &mut self.headers)
    }

    /// The request that tells the server how long its answer is waited for.
    pub(crate) fn with_timeout(mut self, timeout: Duration) -> Self {
        if let Ok(timeout) = HeaderValue::from_str(&encode_timeout(timeout)) {
            self.headers.insert(GRPC_TIMEOUT, timeout);
        }
        self
    }

    pub(super) fn into_request(self, body: Outgoing) -> Request<CalloutBody> {
        let mut request = Request::new(body.boxed_unsync());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path;
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = self.headers;
        request
    }
}

/// At most eight digits and a unit.
fn encode_timeout(timeout: Duration) -> String {
    let millis = timeout.as_millis();
    if millis < 100_000_000 {
        format!("{millis}m")
    } else {
        format!("{}S", timeout.as_secs().min(99_999_999))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callout::Upstreams;

    fn target() -> GrpcTarget {
        let mut upstreams = Upstreams::default();
        upstreams.insert(Upstream::url("grpc", "http://a:1").expect("a URL"));
        GrpcTarget::find(
            &upstreams,
            b"\x0a\x06\x0a\x04grpc\x2a\x08\x0a\x03x-z\x12\x01y",
        )
        .expect("it is there")
    }

    #[test]
    fn the_head_is_as_in_envoy() {
        let metadata: [Pair<'_>; 4] = [
            (b"X-A", b"1"),
            (b"te", b"gzip"),
            (b"content-type", b"text/html"),
            (b"grpc-timeout", b"1H"),
        ];
        let request = GrpcRequest::new(target(), (b"pkg.Service", b"Method"), &metadata);
        let request = request.expect("a request");
        assert_eq!(request.path, "/pkg.Service/Method");
        let mut headers: Vec<_> = request
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
            .collect();
        headers.sort();
        assert_eq!(
            headers,
            [
                "content-type: application/grpc",
                "host: grpc",
                "te: trailers",
                "x-a: 1",
                "x-z: y"
            ]
        );
        let request = request.with_timeout(Duration::from_secs(2));
        assert_eq!(request.headers["grpc-timeout"], "2000m");
    }

    #[test]
    fn what_would_not_be_a_head_is_refused() {
        for (service, method, name, value) in [
            (&b"a b"[..], &b"m"[..], &b"x"[..], &b"1"[..]),
            (b"a", b"\r\n", b"x", b"1"),
            (b"a", b"m", b":path", b"/"),
            (b"a", b"m", b"x", b"1\r\ny: 2"),
        ] {
            let refused = GrpcRequest::new(target(), (service, method), &[(name, value)]);
            assert_eq!(refused.err(), Some(Status::InternalFailure));
        }
    }

    #[test]
    fn a_timeout_has_eight_digits_at_the_most() {
        for (millis, text) in [
            (1, "1m"),
            (99_999_999, "99999999m"),
            (100_000_000, "100000S"),
            (u32::MAX.into(), "4294967S"),
        ] {
            assert_eq!(encode_timeout(Duration::from_millis(millis)), text);
        }
    }
}
