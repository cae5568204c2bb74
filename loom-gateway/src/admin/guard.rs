//! Who may ask the admin listener.
//!
//! Without a token it is reached from this machine alone, and that includes every web page in a browser here: a page can
//! post to any address, and a name of its own that it lets point to 127.0.0.1 makes it read the answer too (DNS
//! rebinding). So `Host` has to be an address or `localhost`, and what changes something must not come from another origin.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::middleware::Next;
use http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

use super::{Admin, pages};
use crate::router::authority;

pub(super) async fn check(
    State(admin): State<Arc<Admin>>,
    request: Request<Body>,
    next: Next,
) -> Response<Body> {
    let headers = request.headers();
    let host = authority(request.uri(), headers).unwrap_or_default();
    let refusal = match &admin.token {
        Some(token) if !bears(headers, token.reveal()) => {
            let mut response = pages::plain(
                StatusCode::UNAUTHORIZED,
                "send `Authorization: Bearer TOKEN`",
            );
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            return response;
        }
        // Whoever knows the token is no page of somebody else.
        Some(_) => None,
        None if !is_local(host) => Some("Host has to be an IP address or localhost"),
        None => None,
    };
    let refusal = refusal.or_else(|| {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        (!reads && !is_same_origin(headers, host)).then_some("Origin is another one")
    });
    match refusal {
        Some(reason) => pages::plain(StatusCode::FORBIDDEN, reason),
        None => next.run(request).await,
    }
}

/// Whether this is a host that nobody can let point elsewhere.
fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let host = authority.host();
    let has_more = authority.as_str() != host;
    if has_more && authority.port_u16().is_none() {
        return false;
    }
    let name = host.trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// A browser names the origin with everything that is not a plain GET; other clients name none.
fn is_same_origin(headers: &HeaderMap, host: &str) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    origins.all(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        let (scheme, of) = origin.split_once("://").unwrap_or_default();
        matches!(scheme, "http" | "https") && of.eq_ignore_ascii_case(host)
    }) && headers.get_all(HOST).iter().count() <= 1
}

/// Whether a request bears the token. Takes as long for a wrong one as for one that is nearly right.
fn bears(headers: &HeaderMap, token: &str) -> bool {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return false;
    };
    let Some((scheme, sent)) = value.as_bytes().split_at_checked("Bearer ".len()) else {
        return false;
    };
    let differ = sent.iter().zip(token.as_bytes());
    let differ = differ.fold(0, |differ, (a, b)| differ | (a ^ b));
    scheme.eq_ignore_ascii_case(b"Bearer ") && sent.len() == token.len() && differ == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_are_local() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:9091",
            "[::1]:9091",
            "localhost:9091",
            "LOCALHOST",
            "192.0.2.1",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "127.0.0.1.evil.example:9091",
            "127.0.0.1:9091.evil.example",
            "127.0.0.1@evil.example",
            "localhost.evil.example",
            "[evil]:1",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn an_origin_has_to_be_the_host() {
        let origin = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
            is_same_origin(&headers, "127.0.0.1:9091")
        };
        assert!(is_same_origin(&HeaderMap::new(), "127.0.0.1:9091"));
        assert!(origin("http://127.0.0.1:9091"));
        for other in [
            "null",
            "http://127.0.0.1",
            "http://evil.example",
            "file://127.0.0.1:9091",
            "",
        ] {
            assert!(!origin(other), "{other}");
        }
    }

    #[test]
    fn a_token_is_borne_whole() {
        let bears = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_static(value));
            bears(&headers, "0123456789abcdef")
        };
        assert!(bears("Bearer 0123456789abcdef") && bears("bearer 0123456789abcdef"));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdeff",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert!(!bears(wrong), "{wrong}");
        }
    }
}
