//! Every request of a listener is answered with the same address under `https`.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::body::Body;
use futures_util::future::Either;
use http::header::{HeaderValue, LOCATION};
use http::uri::Authority;
use http::{Request, Response, StatusCode};
use tower::{Layer, Service};

use super::client::X_FORWARDED_PROTO;
use super::host;
use crate::errors::Failure;

/// The port that `https` means when an address names none.
const USUAL_PORT: u16 = 443;

/// Redirects requests that have not come by HTTPS, neither to the gateway nor to a proxy before it that is trusted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RedirectHttpsLayer {
    port: u16,
}

impl RedirectHttpsLayer {
    /// Redirects to this port.
    pub(super) fn new(port: u16) -> Self {
        Self { port }
    }
}

impl<S> Layer<S> for RedirectHttpsLayer {
    type Service = RedirectHttps<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RedirectHttps {
            inner,
            port: self.port,
        }
    }
}

/// The service of [`RedirectHttpsLayer`].
#[derive(Debug, Clone)]
pub(crate) struct RedirectHttps<S> {
    inner: S,
    port: u16,
}

impl<S, B> Service<Request<B>> for RedirectHttps<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, Ready<Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let scheme = request.headers().get(X_FORWARDED_PROTO);
        if scheme.is_some_and(|scheme| scheme == "https") {
            return Either::Left(self.inner.call(request));
        }
        let response = match location(&request, self.port) {
            Some(location) => redirect(location),
            // HTTP/1.0 need not name a host.
            None => Failure::InvalidHost.respond(request.uri().path(), None),
        };
        Either::Right(ready(Ok(response)))
    }
}

fn redirect(location: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, location);
    response
}

/// The same address under `https`.
fn location<B>(request: &Request<B>, port: u16) -> Option<HeaderValue> {
    let authority = host::authority(request.uri(), request.headers())?;
    let authority = Authority::try_from(authority).ok()?;
    let host = authority.host();
    let target = request.uri().path_and_query();
    let target = target.map_or("/", |target| target.as_str());
    let location = if port == USUAL_PORT {
        format!("https://{host}{target}")
    } else {
        format!("https://{host}:{port}{target}")
    };
    HeaderValue::try_from(location).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_path_and_query_stay() {
        for (host, target, port, expected) in [
            ("a.test", "/", 443, "https://a.test/"),
            (
                "a.test:8080",
                "/a//b?c=d&e",
                443,
                "https://a.test/a//b?c=d&e",
            ),
            ("[::1]:8080", "/", 8443, "https://[::1]:8443/"),
            ("A.test", "/%2F", 8443, "https://A.test:8443/%2F"),
        ] {
            let request = Request::get(target).header("host", host).body(());
            let found = location(&request.expect("a request"), port);
            assert_eq!(found.expect("a host"), expected);
        }
        let nameless = Request::get("/").body(()).expect("a request");
        assert_eq!(location(&nameless, 443), None);
    }
}
