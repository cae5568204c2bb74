//! A server that was given by its URL: where it is, and how requests get there.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::uri::{Authority, Scheme};
use http::{Request, Uri, Version};
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use super::CalloutBody;
use super::http2::Http2;
use super::upstreams::{Answer, boxed};
use crate::error::BoxError;
use crate::limits;

/// See the module's text.
#[derive(Debug, Clone)]
pub(super) struct Server {
    scheme: Scheme,
    authority: Authority,
    /// HTTP/2 for every request, by prior knowledge.
    only_http2: bool,
}

impl Server {
    /// The server of a URL; `Err` says what is wrong with that.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let uri: Uri = url
            .parse()
            .map_err(|error| format!("`{url}` is no URL: {error}"))?;
        let (scheme, only_http2) = match uri.scheme_str() {
            Some("http") => (Scheme::HTTP, false),
            Some("h2c") => (Scheme::HTTP, true),
            Some("https") => (Scheme::HTTPS, false),
            _ => {
                return Err(format!(
                    "`{url}` does not begin with https://, http:// or h2c://"
                ));
            }
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(format!(
                "`{url}` has a path: plugins say which path they call"
            ));
        }
        let Some(authority) = uri.authority().cloned() else {
            return Err(format!("`{url}` names no host"));
        };
        Ok(Self {
            scheme,
            authority,
            only_http2,
        })
    }

    pub(super) fn is_tls(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The path of a URI, at this server, or at what else it is called.
    pub(super) fn uri(&self, called: Option<Authority>, path: &Uri) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(called.unwrap_or_else(|| self.authority.clone()));
        parts.path_and_query = path.path_and_query().cloned();
        Uri::from_parts(parts).unwrap_or_default()
    }

    /// Makes calls over connections that are kept: requests of HTTP/2 go out as such over the second connector, all others
    /// as HTTP/1.1 over the first.
    pub(super) fn caller<C, I>(
        self,
        http1: C,
        http2: C,
    ) -> impl Fn(Request<CalloutBody>) -> Answer + Send + Sync + 'static
    where
        C: Service<Uri, Response = I> + Clone + Send + Sync + 'static,
        C::Error: Into<BoxError>,
        C::Future: Send + 'static,
        I: Read + Write + Connection + Send + Unpin + 'static,
    {
        let http1: Client<_, CalloutBody> = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits::CALL_IDLE)
            .build(InTime(http1));
        let only_http2 = self.only_http2;
        let http2 = Arc::new(Http2::new(InTime(http2), self.clone(), limits::CALL_IDLE));
        move |mut request| {
            if only_http2 || request.version() == Version::HTTP_2 {
                let http2 = Arc::clone(&http2);
                return Box::pin(async move { http2.send(request).await.map(boxed) });
            }
            *request.uri_mut() = self.uri(None, request.uri());
            let answer = http1.request(request);
            Box::pin(async move { Ok(boxed(answer.await?)) })
        }
    }
}

/// What connects by TCP.
pub(super) fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    // A call without an answer in sight, such as a gRPC stream, has to learn that its server is gone.
    connector.set_keepalive(Some(limits::CALL_KEEPALIVE));
    connector.set_keepalive_interval(Some(limits::CALL_KEEPALIVE));
    connector
}

/// A connector with an end: to connect takes no longer than [`limits::CALL_CONNECT`], TLS included.
#[derive(Debug, Clone)]
pub(super) struct InTime<C>(pub(super) C);

/// Nobody answered, or not to the end.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
struct TooSlow(Duration);

impl<C> Service<Uri> for InTime<C>
where
    C: Service<Uri>,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let connecting = self.0.call(server);
        Box::pin(async move {
            match tokio::time::timeout(limits::CALL_CONNECT, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(TooSlow(limits::CALL_CONNECT).into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_server_and_nothing_else() {
        for (url, wrong) in [
            ("ftp://a", "does not begin with https://, http:// or h2c://"),
            ("a:80", "does not begin with https://, http:// or h2c://"),
            ("http://a/path", "has a path"),
            ("https://a?q", "has a path"),
            ("http://", "is no URL"),
        ] {
            let error = Server::parse(url).err().unwrap_or_default();
            assert!(error.contains(wrong), "{url}: {error}");
        }
        for (url, tls) in [
            ("http://127.0.0.1:9000", false),
            ("http://[::1]:9000/", false),
            ("h2c://a:1", false),
            ("https://a", true),
        ] {
            assert_eq!(Server::parse(url).expect(url).is_tls(), tls, "{url}");
        }
    }

    #[test]
    fn the_path_stays_and_the_server_is_ours() {
        let server = Server::parse("https://127.0.0.1:9").expect("a URL");
        let uri = server.uri(None, &Uri::from_static("/a?b"));
        assert_eq!(uri, "https://127.0.0.1:9/a?b");
        let called = Some(Authority::from_static("auth"));
        assert_eq!(server.uri(called, &Uri::from_static("/")), "https://auth/");
    }
}
