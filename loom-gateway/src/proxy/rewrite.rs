//! The form in which a request goes to an HTTP/1.1 server.

use http::header::{EXPECT, HOST, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri, Version};

use crate::{hop_by_hop, router, upgrade};

/// Rewrites a request for `endpoint`: target, version, `Host`, and headers that a plugin may have set against the rules.
///
/// `Host` stays what the client sent, as virtual hosts behind a gateway expect it.
///
/// Returns whether it asks for an upgrade.
pub(super) fn request<B>(request: &mut Request<B>, endpoint: &Authority) -> bool {
    let upgrades = headers(request, Some(endpoint));
    if request.uri().authority().is_some() {
        let target = request.uri().path_and_query().cloned();
        *request.uri_mut() = target.map_or_else(|| Uri::from_static("/"), Uri::from);
    }
    *request.version_mut() = Version::HTTP_11;
    upgrades
}

/// Rewrites a request for `endpoint` into the form of HTTP/2, in which `Host` is the target's authority.
pub(super) fn http2_request<B>(request: &mut Request<B>, scheme: &Scheme, endpoint: &Authority) {
    headers(request, Some(endpoint));
    let host = request.headers_mut().remove(HOST);
    let authority = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme.clone());
    parts.authority = Some(authority.unwrap_or_else(|| endpoint.clone()));
    let target = request.uri().path_and_query().cloned();
    parts.path_and_query = Some(target.unwrap_or_else(|| PathAndQuery::from_static("/")));
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    *request.version_mut() = Version::HTTP_2;
}

/// The part of the rewriting that does not depend on where a request goes. Returns whether the request asks for an upgrade.
pub(super) fn headers<B>(request: &mut Request<B>, endpoint: Option<&Authority>) -> bool {
    let upgrade = hop_by_hop::remove_from_request(request.headers_mut());
    let upgrades = upgrade::keep_in_request(request, upgrade);
    // hyper has asked the client for its body already.
    request.headers_mut().remove(EXPECT);
    set_host(request, endpoint);
    upgrades
}

fn set_host<B>(request: &mut Request<B>, endpoint: Option<&Authority>) {
    let named = router::authority(request.uri(), request.headers());
    let host = match (named, request.uri().authority()) {
        (Some(_), None) => return,
        (Some(named), Some(_)) => HeaderValue::from_str(named),
        // HTTP/1.0 without `Host`; in HTTP/1.1 the endpoint's own name is the right one then.
        (None, _) => match endpoint {
            Some(endpoint) => HeaderValue::from_str(endpoint.as_str()),
            None => return,
        },
    };
    if let Ok(host) = host {
        request.headers_mut().insert(HOST, host);
    }
}

/// Takes from a response what belonged to the connection with the upstream.
pub(super) fn response<B>(response: &mut Response<B>) {
    let upgrade = hop_by_hop::remove_from_response(response.headers_mut());
    upgrade::keep_in_response(response, upgrade);
    // hyper writes the version of the client's connection, if this one does not claim to be older.
    *response.version_mut() = Version::HTTP_11;
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn rewritten(
        version: Version,
        target: &'static str,
        host: Option<&'static str>,
    ) -> Request<()> {
        let mut builder = Request::builder()
            .version(version)
            .uri(target)
            .header("expect", "100-continue");
        if let Some(host) = host {
            builder = builder.header(HOST, host);
        }
        let mut rewritten = builder.body(()).expect("a request");
        request(&mut rewritten, &Authority::from_static("10.0.0.1:3000"));
        rewritten
    }

    #[test]
    fn the_target_and_the_host_are_kept() {
        let request = rewritten(Version::HTTP_11, "/a?b", Some("example.com"));
        assert_eq!(request.uri(), "/a?b");
        assert_eq!(request.headers()[HOST], "example.com");
        assert!(!request.headers().contains_key(EXPECT));
    }

    #[test]
    fn http2_authority_becomes_host() {
        let request = rewritten(Version::HTTP_2, "https://example.com/a", None);
        assert_eq!(request.uri(), "/a");
        assert_eq!(request.headers()[HOST], "example.com");
        assert_eq!(request.version(), Version::HTTP_11);
    }

    #[test]
    fn host_becomes_http2_authority() {
        for (target, host, rewritten) in [
            ("/a?b", Some("example.com"), "http://example.com/a?b"),
            ("/a", None, "http://10.0.0.1:3000/a"),
        ] {
            let mut request = Request::builder().version(Version::HTTP_2).uri(target);
            if let Some(host) = host {
                request = request.header(HOST, host);
            }
            let mut request = request.body(()).expect("a request");
            http2_request(
                &mut request,
                &Scheme::HTTP,
                &Authority::from_static("10.0.0.1:3000"),
            );
            assert_eq!(request.uri(), rewritten);
            assert!(request.headers().is_empty());
            assert_eq!(request.version(), Version::HTTP_2);
        }
    }

    #[test]
    fn http10_without_host_gets_the_endpoints() {
        assert_eq!(
            rewritten(Version::HTTP_10, "/", None).headers()[HOST],
            "10.0.0.1:3000"
        );
    }

    #[test]
    fn a_responses_connection_headers_go() {
        let mut answer = Response::builder()
            .version(Version::HTTP_10)
            .header("connection", "close, x-hop")
            .header("x-hop", "1")
            .header("x-end", "2")
            .body(())
            .expect("a response");
        response(&mut answer);
        assert_eq!(
            answer.headers(),
            &HeaderMap::from_iter([(
                "x-end".parse().expect("name"),
                HeaderValue::from_static("2")
            )])
        );
        assert_eq!(answer.version(), Version::HTTP_11);
    }
}
