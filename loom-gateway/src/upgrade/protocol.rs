//! Which upgrades are asked for, and the headers that say so.

use axum::body::Body;
use http::header::{CONNECTION, HeaderName, HeaderValue, UPGRADE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::ext::Protocol;

use crate::hop_by_hop;

const WEBSOCKET: &str = "websocket";

const SEC_WEBSOCKET_KEY: HeaderName = HeaderName::from_static("sec-websocket-key");
const SEC_WEBSOCKET_ACCEPT: HeaderName = HeaderName::from_static("sec-websocket-accept");

/// Marks a request whose client waits for its connection to be switched. Without it, `Upgrade` is a header of one connection like
/// others, and goes no further.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked;

/// Whether an HTTP/1.1 request asks for an upgrade that the gateway passes on. One that it does not is ignored, as a server may (RFC
/// 9110, 7.8).
pub(super) fn is_asked(request: &Request<Body>) -> bool {
    request.method() != Method::CONNECT
        // What is a body and what is the new protocol could be told apart, but no protocol needs it.
        && request.body().is_end_stream()
        && hop_by_hop::names(request.headers(), "upgrade")
        && may_pass(request.headers())
}

/// Makes the upgrade of HTTP/1.1 of an extended `CONNECT`, which is what routes, plugins and upstreams know. `false`, with the
/// request as it was, when it is none, or asks for what the gateway does not pass on.
pub(super) fn from_extended_connect(request: &mut Request<Body>) -> bool {
    if request.method() != Method::CONNECT {
        return false;
    }
    let Some(protocol) = request.extensions_mut().remove::<Protocol>() else {
        return false;
    };
    let Ok(named) = HeaderValue::from_str(protocol.as_str()) else {
        return false;
    };
    request.headers_mut().insert(UPGRADE, named);
    if !may_pass(request.headers()) {
        request.headers_mut().remove(UPGRADE);
        return false;
    }
    *request.method_mut() = Method::GET;
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if protocol.as_str().eq_ignore_ascii_case(WEBSOCKET) {
        // HTTP/2 has none, and a server of HTTP/1.1 needs one (RFC 8441, 5).
        headers.insert(SEC_WEBSOCKET_KEY, websocket_key());
    }
    true
}

/// Turns a 101 into the answer to an extended `CONNECT`.
pub(super) fn to_extended_connect<B>(response: &mut Response<B>) {
    *response.status_mut() = StatusCode::OK;
    for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT] {
        response.headers_mut().remove(name);
    }
}

/// Puts back what has just been taken out with the headers of the connection, if the request does ask for an upgrade. Returns
/// whether it does.
pub(crate) fn keep_in_request<B>(request: &mut Request<B>, removed: Option<HeaderValue>) -> bool {
    // A plugin may have named another protocol in the meantime.
    let asked = removed.filter(|_| request.extensions().get::<Asked>().is_some());
    let Some(protocol) = asked.filter(passes) else {
        return false;
    };
    keep(request.headers_mut(), protocol);
    true
}

/// The same for a response.
pub(crate) fn keep_in_response<B>(response: &mut Response<B>, removed: Option<HeaderValue>) {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let Some(protocol) = removed
    {
        keep(response.headers_mut(), protocol);
    }
}

fn keep(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

/// Forgets that an upgrade was asked for, where it goes no further: what the client would send after it never comes.
pub(crate) fn give_up(request: &mut Request<Body>) {
    if !request.body().is_end_stream() && request.extensions().get::<Asked>().is_some() {
        *request.body_mut() = Body::empty();
        let headers = request.headers_mut();
        headers.remove(CONNECTION);
        headers.remove(UPGRADE);
    }
}

/// Whether there is one header that names what is asked for, and all of that may pass.
fn may_pass(headers: &HeaderMap) -> bool {
    let mut asked = headers.get_all(UPGRADE).iter();
    let (Some(asked), None) = (asked.next(), asked.next()) else {
        return false;
    };
    passes(asked)
}

/// Whether all protocols of a header may pass.
///
/// A connection that is switched to HTTP, or to TLS that then carries it, would bring requests to the upstream that no route
/// and no plugin has seen.
fn passes(asked: &HeaderValue) -> bool {
    let Ok(asked) = asked.to_str() else {
        return false;
    };
    asked.split(',').all(|protocol| {
        let name = protocol.split('/').next().unwrap_or_default().trim();
        let carries_http = ["h2", "h2c", "http", "tls"];
        !name.is_empty()
            && !carries_http
                .iter()
                .any(|one| one.eq_ignore_ascii_case(name))
    })
}

/// The base64 of 16 bytes nobody could guess (RFC 6455, 4.1): 128 bits are 21 digits and two bits of a 22nd.
fn websocket_key() -> HeaderValue {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut key = [b'='; 24];
    for digit in &mut key[..21] {
        *digit = DIGITS[fastrand::usize(..64)];
    }
    key[21] = DIGITS[fastrand::usize(..4) * 16];
    HeaderValue::from_bytes(&key).unwrap_or(HeaderValue::from_static("AAAAAAAAAAAAAAAAAAAAAA=="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(headers: &[(&'static str, &'static str)]) -> bool {
        let mut request = Request::new(Body::empty());
        for (name, value) in headers {
            let value = HeaderValue::from_static(value);
            request.headers_mut().append(*name, value);
        }
        is_asked(&request)
    }

    #[test]
    fn an_upgrade_is_asked_for_with_both_headers() {
        for connection in ["upgrade", "keep-alive, Upgrade"] {
            assert!(asks(&[
                ("connection", connection),
                ("upgrade", "websocket")
            ]));
        }
        assert!(asks(&[("connection", "upgrade"), ("upgrade", "foo/2")]));
        assert!(!asks(&[("upgrade", "websocket")]));
        assert!(!asks(&[("connection", "upgrade")]));
        assert!(!asks(&[("connection", "upgraded"), ("upgrade", "foo")]));
    }

    /// Otherwise requests would reach the upstream that nobody looked at.
    #[test]
    fn nothing_that_carries_http_is_passed_on() {
        for protocol in [
            "h2c",
            "H2C",
            "HTTP/2.0",
            "TLS/1.2",
            "websocket, h2c",
            "",
            ",",
        ] {
            let asked = asks(&[("connection", "upgrade"), ("upgrade", protocol)]);
            assert!(!asked, "{protocol}");
        }
        assert!(!asks(&[
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("upgrade", "h2c")
        ]));
    }

    #[test]
    fn a_key_is_what_a_server_expects() {
        let key = websocket_key();
        assert_eq!(key.len(), 24);
        let key = key.to_str().expect("text");
        assert!(
            key.ends_with("==") && "AQgw".contains(&key[21..22]),
            "{key}"
        );
        assert_ne!(key, websocket_key());
    }
}
