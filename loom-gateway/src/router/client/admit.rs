//! Which requests a gateway answers at all, and the one form that they have afterwards.

use axum::body::Body;
use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use loom_config::model::ListenerLimits;

use crate::errors::Failure;
use crate::router::{X_REQUEST_ID, host};

/// Headers that a request may have from the gateway by then.
static OWN: [HeaderName; 2] = [X_REQUEST_ID, HeaderName::from_static("traceparent")];

/// Why a request goes no further.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is an error.
    Failure(Failure),
    /// `OPTIONS *` asks the server itself whether it is there (RFC 9110, 9.3.7).
    Ping,
}

impl Refusal {
    pub(super) fn response<B>(self, request: &Request<B>) -> Response<Body> {
        match self {
            Self::Failure(failure) => {
                let mut response = failure.respond(request.uri().path(), None);
                if request.version() <= Version::HTTP_11 {
                    // What a client takes for the rest of such a message, or for a tunnel's bytes, would be read as its next
                    // request.
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
                response
            }
            Self::Ping => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            }
        }
    }
}

/// What the head of a request has at the most, beyond what hyper sees to.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadLimits {
    uri_length: usize,
    header_count: usize,
}

impl HeadLimits {
    pub(super) fn new(limits: &ListenerLimits) -> Self {
        Self {
            uri_length: limits.uri_length,
            header_count: limits.header_count,
        }
    }

    fn check<B>(self, request: &Request<B>) -> Result<(), Failure> {
        let target = request.uri().path_and_query();
        if target.is_some_and(|target| target.as_str().len() > self.uri_length) {
            return Err(Failure::UriTooLong);
        }
        let headers = request.headers();
        if headers.len() > self.header_count {
            // What the gateway has put there itself does not count.
            let own = OWN.iter().filter(|name| headers.contains_key(*name));
            if headers.len() - own.count() > self.header_count {
                return Err(Failure::TooManyHeaders);
            }
        }
        Ok(())
    }
}

/// Checks size, method, target, authority and transfer coding.
///
/// Afterwards HTTP/1 requests have an origin-form target and their authority in `Host`, HTTP/2 ones have it in the
/// target, as it was sent.
pub(super) fn admit<B>(request: &mut Request<B>, most: HeadLimits) -> Result<(), Refusal> {
    most.check(request).map_err(Refusal::Failure)?;
    if request.method() == Method::CONNECT {
        return Err(Refusal::Failure(Failure::Tunnel));
    }
    let http1 = request.version() <= Version::HTTP_11;
    if http1 {
        check_coding(request.headers())?;
        to_origin_form(request)?;
    }
    check_authority(request, http1)?;
    match request.uri().path() {
        "*" if request.method() == Method::OPTIONS => Err(Refusal::Ping),
        path if path.starts_with('/') => Ok(()),
        _ => Err(Refusal::Failure(Failure::InvalidTarget)),
    }
}

/// Checks that the body has one coding, and that it is `chunked` (RFC 9112, 6.1).
///
/// hyper looks at the last coding alone. What others did to the body would reach the upstream, and their names would not.
fn check_coding(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if is_chunked(coding) => Ok(()),
        _ => Err(Refusal::Failure(Failure::TransferCoding)),
    }
}

/// Turns `GET http://host/path` into `GET /path` with this host, whatever `Host` said (RFC 9112, 3.2.2).
fn to_origin_form<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    let Some(authority) = request.uri().authority() else {
        return Ok(());
    };
    if !matches!(request.uri().scheme_str(), Some("http" | "https")) {
        return Err(Refusal::Failure(Failure::InvalidTarget));
    }
    let Ok(host) = authority.as_str().parse() else {
        return Err(Refusal::Failure(Failure::InvalidHost));
    };
    let Some(target) = request.uri().path_and_query().cloned() else {
        return Err(Refusal::Failure(Failure::InvalidTarget));
    };
    // A faulty `Host` beside it is still a faulty request.
    if request.headers().get_all(HOST).iter().nth(1).is_some() {
        return Err(Refusal::Failure(Failure::InvalidHost));
    }
    request.headers_mut().insert(HOST, host);
    *request.uri_mut() = Uri::from(target);
    Ok(())
}

fn check_authority<B>(request: &mut Request<B>, http1: bool) -> Result<(), Refusal> {
    let (uri, headers) = (request.uri(), request.headers());
    let mut named = headers.get_all(HOST).iter();
    let (first, second) = (named.next(), named.next());
    let valid = match host::authority(uri, headers) {
        Some(authority) => host::comparable(authority).is_some(),
        // HTTP/1.0 knows no `Host`; one that is not even text is none.
        None => first.is_none() && http1 && request.version() < Version::HTTP_11,
    };
    // HTTP/2 has `:authority`; a `Host` that says something else is an attempt to be two requests (RFC 9113, 8.3.1).
    let agree = match (uri.authority(), first) {
        (Some(authority), Some(host)) => authority
            .as_str()
            .as_bytes()
            .eq_ignore_ascii_case(host.as_bytes()),
        _ => true,
    };
    if !valid || !agree || second.is_some() {
        return Err(Refusal::Failure(Failure::InvalidHost));
    }
    if request.uri().authority().is_some() && first.is_some() {
        request.headers_mut().remove(HOST);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(request: &mut Request<()>) -> Result<(), Refusal> {
        super::admit(request, HeadLimits::new(&ListenerLimits::default()))
    }

    const BAD_HOST: Refusal = Refusal::Failure(Failure::InvalidHost);

    fn request(version: Version, target: &'static str, hosts: &[&'static str]) -> Request<()> {
        let mut request = Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(()).expect("a request")
    }

    #[test]
    fn http1_needs_one_valid_host() {
        let admitted = |hosts| admit(&mut request(Version::HTTP_11, "/", hosts));
        assert_eq!(admitted(&["example.com:80"]), Ok(()));
        assert_eq!(admitted(&[]), Err(BAD_HOST));
        assert_eq!(admitted(&[""]), Err(BAD_HOST));
        assert_eq!(admitted(&["a", "a"]), Err(BAD_HOST));
        assert_eq!(admitted(&["a/b"]), Err(BAD_HOST));
        assert_eq!(admit(&mut request(Version::HTTP_10, "/", &[])), Ok(()));
        assert_eq!(
            admit(&mut request(Version::HTTP_10, "/", &["a b"])),
            Err(BAD_HOST)
        );
    }

    #[test]
    fn absolute_form_becomes_origin_form() {
        let mut request = request(
            Version::HTTP_11,
            "http://target.example/a?b",
            &["other.example"],
        );
        assert_eq!(admit(&mut request), Ok(()));
        assert_eq!(request.uri(), "/a?b");
        assert_eq!(request.headers()[HOST], "target.example");
    }

    #[test]
    fn http2_authority_and_host_must_agree() {
        let mut same = request(Version::HTTP_2, "http://a.example/", &["A.example"]);
        assert_eq!(admit(&mut same), Ok(()));
        assert!(!same.headers().contains_key(HOST), "one place is enough");
        assert_eq!(
            admit(&mut request(
                Version::HTTP_2,
                "http://a.example/",
                &["b.example"]
            )),
            Err(BAD_HOST)
        );
        assert_eq!(
            admit(&mut request(Version::HTTP_2, "/", &[])),
            Err(BAD_HOST)
        );
    }

    #[test]
    fn heads_have_a_size() {
        let most = HeadLimits {
            uri_length: 8,
            header_count: 2,
        };
        let admitted = |target, hosts: &[&'static str], more: usize| {
            let mut request = request(Version::HTTP_11, target, hosts);
            for number in 0..more {
                let name = http::HeaderName::try_from(format!("x-{number}"));
                let value = http::HeaderValue::from_static("");
                request.headers_mut().insert(name.expect("a name"), value);
            }
            super::admit(&mut request, most)
        };
        assert_eq!(admitted("/23?5678", &["a"], 1), Ok(()));
        assert_eq!(admitted("http://example.com/", &["a"], 1), Ok(()));
        let too_long = Refusal::Failure(Failure::UriTooLong);
        assert_eq!(admitted("/23?56789", &["a"], 1), Err(too_long));
        let too_many = Refusal::Failure(Failure::TooManyHeaders);
        assert_eq!(admitted("/", &["a"], 2), Err(too_many));
    }

    #[test]
    fn the_only_coding_is_chunked() {
        let admitted = |codings: &[&'static str]| {
            let mut request = request(Version::HTTP_11, "/", &["a"]);
            for coding in codings {
                let coding = HeaderValue::from_static(coding);
                request.headers_mut().append(TRANSFER_ENCODING, coding);
            }
            admit(&mut request)
        };
        assert_eq!(admitted(&["Chunked"]), Ok(()));
        let refused = Err(Refusal::Failure(Failure::TransferCoding));
        assert_eq!(admitted(&["gzip, chunked"]), refused);
        assert_eq!(admitted(&["chunked", "chunked"]), refused);
    }

    #[test]
    fn targets_that_are_no_paths() {
        let target = |method, target| {
            let mut request = request(Version::HTTP_11, target, &["a"]);
            *request.method_mut() = method;
            admit(&mut request)
        };
        assert_eq!(target(Method::OPTIONS, "*"), Err(Refusal::Ping));
        assert_eq!(
            target(Method::GET, "*"),
            Err(Refusal::Failure(Failure::InvalidTarget))
        );
        assert_eq!(
            target(Method::CONNECT, "a:443"),
            Err(Refusal::Failure(Failure::Tunnel))
        );
        assert_eq!(
            target(Method::GET, "ftp://a/x"),
            Err(Refusal::Failure(Failure::InvalidTarget))
        );
    }
}
