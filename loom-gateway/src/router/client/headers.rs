//! What a client's headers look like behind the border.
//!
//! It happens here and not in the proxy service, so that plugins judge by what is true: a plugin that reads
//! `x-forwarded-for` reads the connection's address, as in Envoy.

use std::io::Write;
use std::net::IpAddr;

use http::header::{COOKIE, FORWARDED, HeaderName, HeaderValue};
use http::{HeaderMap, Request};
use loom_layer::ConnectionInfo;

use crate::hop_by_hop;
use crate::router::host;
use crate::upgrade;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Drops what only the gateway may say, and says it.
pub(super) fn clean<B>(request: &mut Request<B>) {
    let authority = host::authority(request.uri(), request.headers()).map(HeaderValue::from_str);
    let connection = request.extensions().get::<ConnectionInfo>().cloned();
    let upgrade = hop_by_hop::remove_from_request(request.headers_mut());
    upgrade::keep_in_request(request, upgrade);
    let headers = request.headers_mut();
    remove_claims(headers);
    join_cookies(headers);

    // A Unix socket has no addresses.
    if let Some(address) = connection
        .as_ref()
        .and_then(|connection| address(connection.peer().ip()))
    {
        headers.insert(X_FORWARDED_FOR, address);
    }
    let scheme = connection.as_ref().map_or("http", ConnectionInfo::scheme);
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
    if let Some(Ok(authority)) = authority {
        headers.insert(X_FORWARDED_HOST, authority);
    }
}

/// Removes what a client claims about its way here. Nobody is trusted with these.
fn remove_claims(headers: &mut HeaderMap) {
    while let Some(name) = headers.keys().find(|name| is_claim(name)).cloned() {
        headers.remove(name);
    }
}

fn is_claim(name: &HeaderName) -> bool {
    *name == FORWARDED || {
        let name = name.as_str();
        name.starts_with("x-forwarded-") || name == "x-real-ip"
    }
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

fn address(ip: IpAddr) -> Option<HeaderValue> {
    // As long as an IPv6 address can be.
    let mut text = [0; 46];
    let mut rest = text.as_mut_slice();
    // A listener on [::] sees IPv4 clients as ::ffff:a.b.c.d.
    write!(rest, "{}", ip.to_canonical()).ok()?;
    let free = rest.len();
    HeaderValue::from_bytes(&text[..text.len() - free]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut request = Request::new(());
        request.extensions_mut().insert(ConnectionInfo::new(
            "[::ffff:192.0.2.7]:4711".parse().expect("address"),
            "127.0.0.1:80".parse().expect("address"),
        ));
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
            ("x-kept", "yes"),
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
            ]
        );
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
    fn cookies_become_one() {
        let headers = cleaned(&[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]);
        assert_eq!(
            headers.get_all(COOKIE).iter().collect::<Vec<_>>(),
            ["a=1; b=2; c=3"]
        );
    }
}
