//! What a client's headers look like behind the border.
//!
//! It happens here and not in the proxy service, so that plugins judge by what is true: a plugin that reads
//! `x-forwarded-for` reads the connection's address, as in Envoy.

use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, COOKIE, FORWARDED, HOST, HeaderName, HeaderValue,
};
use http::{HeaderMap, Request, Uri};
use loom_layer::ConnectionInfo;

use crate::hop_by_hop;
use crate::listener::ForwardedClientCert;
use crate::router::{X_REQUEST_ID, host};
use crate::upgrade;

const X_FORWARDED_CLIENT_CERT: HeaderName = HeaderName::from_static("x-forwarded-client-cert");
pub(in crate::router) const X_FORWARDED_FOR: HeaderName =
    HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(in crate::router) const X_FORWARDED_PROTO: HeaderName =
    HeaderName::from_static("x-forwarded-proto");

/// Drops what only the gateway may say, and says it.
pub(super) fn clean<B>(request: &mut Request<B>) {
    let connection = request.extensions().get::<ConnectionInfo>().cloned();
    let scheme = connection.as_ref().map_or("http", ConnectionInfo::scheme);
    correct_scheme(request, scheme);
    let upgrade = hop_by_hop::remove_from_request(request.headers_mut());
    upgrade::keep_in_request(request, upgrade);
    let tls = connection.as_ref().and_then(ConnectionInfo::tls);
    let certificate = tls.and_then(|_| request.extensions_mut().remove());
    let headers = request.headers_mut();
    let believed = connection.as_ref().is_some_and(ConnectionInfo::is_proxied);
    remove_claims(headers, believed);
    join_cookies(headers);

    if let Some(ForwardedClientCert(certificate)) = certificate {
        headers.insert(X_FORWARDED_CLIENT_CERT, certificate);
    }
    // A Unix socket has no addresses.
    if let Some(connection) = &connection {
        let address = connection.peer_value();
        let extended = believed.then(|| extended(headers, address)).flatten();
        headers.insert(X_FORWARDED_FOR, extended.unwrap_or_else(|| address.clone()));
    }
    let is_missing = |headers: &HeaderMap, name| !believed || !headers.contains_key(name);
    if is_missing(headers, X_FORWARDED_PROTO) {
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
    }
    if is_missing(headers, X_FORWARDED_HOST)
        && let Some(authority) = authority(request)
    {
        request.headers_mut().insert(X_FORWARDED_HOST, authority);
    }
}

/// The request's authority, which is valid by now, as a header says it.
fn authority<B>(request: &Request<B>) -> Option<HeaderValue> {
    match request.uri().authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => request.headers().get(HOST).cloned(),
    }
}

/// Puts the scheme by which a request came in the place of the one that a client of HTTP/2 claims.
fn correct_scheme<B>(request: &mut Request<B>, scheme: &'static str) {
    let claimed = request.uri().scheme_str();
    if claimed.is_none_or(|claimed| claimed == scheme) {
        return;
    }
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = scheme.parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

/// Drops what a trailer may not say (RFC 9110, 6.5.1): servers exist that put trailers among the headers.
pub(crate) fn clean_trailers(trailers: &mut HeaderMap) {
    hop_by_hop::remove_from_request(trailers);
    remove_claims(trailers, false);
    for name in [HOST, CONTENT_LENGTH, AUTHORIZATION, COOKIE, X_REQUEST_ID] {
        trailers.remove(name);
    }
}

/// Removes what a client claims about its way here, and all that is not from a proxy that is `believed`.
///
/// `forwarded` and `x-real-ip` are never believed: many proxies write the others, and pass these on as a client sent them.
fn remove_claims(headers: &mut HeaderMap, believed: bool) {
    let is_removed = |name: &HeaderName| {
        let is_extended = || believed && name.as_str().starts_with("x-forwarded-");
        is_claim(name) && !is_extended()
    };
    while let Some(name) = headers.keys().find(|name| is_removed(name)).cloned() {
        headers.remove(name);
    }
    if believed {
        keep_valid(headers, &X_FORWARDED_PROTO, |scheme| {
            matches!(scheme, "http" | "https" | "ws" | "wss")
        });
        keep_valid(headers, &X_FORWARDED_HOST, |authority| {
            host::comparable(authority).is_some()
        });
    }
}

fn is_claim(name: &HeaderName) -> bool {
    let name = name.as_str();
    if name.as_bytes().contains(&b'_') {
        // Many applications cannot tell `_` from `-` in a name (RFC 3875, 4.1.18): what stands for a header that only the
        // gateway may set, or that says where a message ends, is none.
        let name = name.replace('_', "-");
        return claims(&name) || OF_THE_GATEWAY.contains(&name.as_str());
    }
    claims(name)
}

/// Beside claims.
const OF_THE_GATEWAY: [&str; 3] = ["x-request-id", "content-length", "transfer-encoding"];

fn claims(name: &str) -> bool {
    name == FORWARDED.as_str() || name.starts_with("x-forwarded-") || name == "x-real-ip"
}

/// Removes a header that is there more than once, or says something that cannot be.
fn keep_valid(headers: &mut HeaderMap, name: &HeaderName, valid: impl Fn(&str) -> bool) {
    let mut values = headers.get_all(name).iter();
    let only = values.next().filter(|_| values.next().is_none());
    let text = only.and_then(|value| value.to_str().ok());
    if !text.is_some_and(valid) {
        headers.remove(name);
    }
}

/// What `x-forwarded-for` has said so far, and this address behind it, in one field.
fn extended(headers: &HeaderMap, address: &HeaderValue) -> Option<HeaderValue> {
    let mut joined = Vec::new();
    for field in headers.get_all(X_FORWARDED_FOR) {
        joined.extend_from_slice(field.as_bytes());
        joined.extend_from_slice(b", ");
    }
    joined.extend_from_slice(address.as_bytes());
    HeaderValue::from_maybe_shared(bytes::Bytes::from(joined)).ok()
}

/// HTTP/2 may split `cookie` into several fields; HTTP/1.1 knows only one (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut cookies = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (cookies.next(), cookies.next()) else {
        return;
    };
    let mut joined = first.as_bytes().to_vec();
    for cookie in std::iter::once(second).chain(cookies) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(cookie.as_bytes());
    }
    if let Ok(joined) = HeaderValue::from_bytes(&joined) {
        headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        cleaned_from(connection(), headers)
    }

    fn connection() -> ConnectionInfo {
        ConnectionInfo::new(
            "[::ffff:192.0.2.7]:4711".parse().expect("address"),
            "127.0.0.1:80".parse().expect("address"),
        )
    }

    fn cleaned_from(
        connection: ConnectionInfo,
        headers: &[(&'static str, &'static str)],
    ) -> HeaderMap {
        let mut request = Request::new(());
        request.extensions_mut().insert(connection);
        for (name, value) in headers {
            request
                .headers_mut()
                .append(*name, HeaderValue::from_static(value));
        }
        clean(&mut request);
        request.headers().clone()
    }

    #[test]
    fn forwarded_headers_are_replaced_never_extended() {
        let headers = cleaned(&[
            ("host", "example.com:8080"),
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "2.2.2.2"),
            ("x-forwarded-host", "evil"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "443"),
            ("forwarded", "for=1.1.1.1"),
            ("x-real-ip", "1.1.1.1"),
            ("x_forwarded_for", "1.1.1.1"),
            ("x_real-ip", "1.1.1.1"),
            ("x_request_id", "mine"),
            ("transfer_encoding", "chunked"),
            ("x-kept", "yes"),
            ("x_kept", "yes"),
        ]);
        let mut seen: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
            .collect();
        seen.sort_unstable();
        assert_eq!(
            seen,
            [
                ("host", "example.com:8080"),
                ("x-forwarded-for", "192.0.2.7"),
                ("x-forwarded-host", "example.com:8080"),
                ("x-forwarded-proto", "http"),
                ("x-kept", "yes"),
                ("x_kept", "yes"),
            ]
        );
    }

    #[test]
    fn a_proxy_that_is_believed_is_extended() {
        let believed = || {
            let client = "1.1.1.1".parse().expect("address");
            connection().on_behalf_of(client, Some(true))
        };
        let headers = cleaned_from(
            believed(),
            &[
                ("host", "a"),
                ("connection", "x-forwarded-for"),
                ("x-forwarded-for", "1.1.1.1"),
                ("x-forwarded-for", "10.0.0.1"),
                ("x-forwarded-host", "example.com"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-port", "443"),
                ("forwarded", "for=2.2.2.2"),
                ("x-real-ip", "2.2.2.2"),
            ],
        );
        assert_eq!(headers["x-forwarded-for"], "1.1.1.1, 10.0.0.1, 192.0.2.7");
        assert_eq!(headers["x-forwarded-host"], "example.com");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(headers["x-forwarded-port"], "443");
        assert!(!headers.contains_key("forwarded") && !headers.contains_key("x-real-ip"));

        let said_twice = [("x-forwarded-proto", "http"), ("x-forwarded-proto", "http")];
        let headers = cleaned_from(believed(), &said_twice);
        assert_eq!(headers["x-forwarded-proto"], "https");
        let headers = cleaned_from(believed(), &[("host", "a"), ("x-forwarded-host", "a/b")]);
        assert_eq!(headers["x-forwarded-host"], "a");
        assert_eq!(headers["x-forwarded-for"], "192.0.2.7");
    }

    #[test]
    fn a_scheme_is_what_the_connection_has_and_no_claim() {
        let https = connection().with_tls(loom_layer::TlsInfo::new("TLSv1.3"));
        let client = "1.1.1.1".parse().expect("address");
        for (connection, claimed, scheme) in [
            (connection(), "https", "http"),
            (connection(), "ftp", "http"),
            (connection(), "http", "http"),
            (https.clone(), "http", "https"),
            (https, "https", "https"),
            (
                connection().on_behalf_of(client, Some(true)),
                "http",
                "https",
            ),
        ] {
            let mut request = Request::new(());
            *request.uri_mut() = format!("{claimed}://a:1/b?c").parse().expect("a target");
            request.extensions_mut().insert(connection);
            clean(&mut request);
            let expected = format!("{scheme}://a:1/b?c");
            assert_eq!(request.uri().to_string(), expected, "{claimed}");
        }
    }

    #[test]
    fn what_the_gateway_says_cannot_be_nominated_away() {
        let headers = cleaned(&[
            ("host", "a"),
            ("connection", "x-forwarded-for, x-gone"),
            ("x-gone", "1"),
        ]);
        assert_eq!(headers["x-forwarded-for"], "192.0.2.7");
        assert!(!headers.contains_key("x-gone"));
    }

    #[test]
    fn trailers_say_nothing_about_the_message() {
        let mut trailers = HeaderMap::new();
        for name in [
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "x-forwarded-for",
            "x_real_ip",
            "x-request-id",
            "authorization",
            "grpc-status",
        ] {
            trailers.insert(name, HeaderValue::from_static("1"));
        }
        clean_trailers(&mut trailers);
        let left: Vec<_> = trailers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["grpc-status"]);
    }

    #[test]
    fn cookies_become_one() {
        let headers = cleaned(&[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]);
        assert_eq!(
            headers.get_all(COOKIE).iter().collect::<Vec<_>>(),
            ["a=1; b=2; c=3"]
        );
    }
}
