//! The upstreams that a plugin may call, by name.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri, Version};
use http_body::Body;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use super::CalloutBody;
use super::http2::Http2;
use crate::error::BoxError;
use crate::limits;

type Answer = Pin<Box<dyn Future<Output = Result<Response<CalloutBody>, BoxError>> + Send>>;

/// One upstream: something that answers requests.
#[derive(Clone)]
pub(crate) struct Upstream {
    name: Arc<str>,
    call: Arc<dyn Fn(Request<CalloutBody>) -> Answer + Send + Sync>,
}

impl Upstream {
    /// The upstream that a tower service is.
    pub(crate) fn service<S, B>(name: &str, service: S) -> Self
    where
        S: Service<Request<CalloutBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self {
            name: name.into(),
            call: Arc::new(move |request| Box::pin(Oneshot::new(service.clone(), request))),
        }
    }

    /// The server at an `http://host:port` URL, over connections that are kept; `Err` says what is wrong with the URL.
    ///
    /// Requests of HTTP/2 go out as such, by prior knowledge; with `h2c` for `http` all do.
    pub(crate) fn url(name: &str, url: &str) -> Result<Self, String> {
        let uri: Uri = url
            .parse()
            .map_err(|error| format!("`{url}` is no URL: {error}"))?;
        let only_http2 = match uri.scheme_str() {
            Some("http") => false,
            Some("h2c") => true,
            _ => return Err(format!("`{url}` does not begin with http:// or h2c://")),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(format!(
                "`{url}` has a path: plugins say which path they call"
            ));
        }
        let Some(authority) = uri.authority().cloned() else {
            return Err(format!("`{url}` names no host"));
        };
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(limits::CALL_CONNECT));
        // A call without an answer in sight, such as a gRPC stream, has to learn that its server is gone.
        connector.set_keepalive(Some(limits::CALL_KEEPALIVE));
        connector.set_keepalive_interval(Some(limits::CALL_KEEPALIVE));
        let http2 = Arc::new(Http2::new(connector.clone(), &authority));
        let http1: Client<_, CalloutBody> = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits::CALL_IDLE)
            .build(connector);
        Ok(Self {
            name: name.into(),
            call: Arc::new(move |mut request| {
                if only_http2 || request.version() == Version::HTTP_2 {
                    let http2 = Arc::clone(&http2);
                    return Box::pin(async move { http2.send(request).await.map(boxed) });
                }
                *request.uri_mut() = at(&authority, request.uri());
                let answer = http1.request(request);
                Box::pin(async move { Ok(boxed(answer.await?)) })
            }),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The response to a request; `None`, and a line in the log, when there is none.
    pub(super) async fn send(
        &self,
        request: Request<CalloutBody>,
    ) -> Option<Response<CalloutBody>> {
        match (self.call)(request).await {
            Ok(response) => Some(response),
            Err(error) => {
                let (upstream, error) = (&*self.name, &*error);
                tracing::debug!(target: "loom::callout", upstream, error, "a callout failed before its response");
                None
            }
        }
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Upstream").field(&self.name).finish()
    }
}

fn boxed<B>(response: Response<B>) -> Response<CalloutBody>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    response.map(|body| body.map_err(Into::into).boxed_unsync())
}

/// A call of a service: as soon as it is ready.
struct Oneshot<S, F> {
    service: S,
    request: Option<Request<CalloutBody>>,
    future: Option<Pin<Box<F>>>,
}

impl<S, F> Oneshot<S, F> {
    fn new(service: S, request: Request<CalloutBody>) -> Self {
        Self {
            service,
            request: Some(request),
            future: None,
        }
    }
}

// The service is not pinned: it is only called.
impl<S, F> Unpin for Oneshot<S, F> {}

impl<S, B> Future for Oneshot<S, S::Future>
where
    S: Service<Request<CalloutBody>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<CalloutBody>, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.request.is_some() {
            ready!(self.service.poll_ready(cx)).map_err(Into::into)?;
            let request = self.request.take();
            self.future = request.map(|request| Box::pin(self.service.call(request)));
        }
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let response = ready!(future.as_mut().poll(cx)).map_err(Into::into)?;
        Poll::Ready(Ok(boxed(response)))
    }
}

/// The path of a request, at this server. The `host` header says what the plugin called it.
pub(super) fn at(authority: &Authority, uri: &Uri) -> Uri {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority.clone());
    parts.path_and_query = uri.path_and_query().cloned();
    Uri::from_parts(parts).unwrap_or_default()
}

type Lookup = Arc<dyn Fn(&str) -> Option<Upstream> + Send + Sync>;

/// What a plugin may call, by name.
#[derive(Clone, Default)]
pub(crate) struct Upstreams {
    by_name: HashMap<Arc<str>, Upstream>,
    /// Where the other names are asked for, with each call.
    others: Option<Lookup>,
}

impl Upstreams {
    pub(crate) fn insert(&mut self, upstream: Upstream) {
        self.by_name.insert(Arc::clone(&upstream.name), upstream);
    }

    pub(crate) fn look_up_others(
        &mut self,
        lookup: impl Fn(&str) -> Option<Upstream> + Send + Sync + 'static,
    ) {
        self.others = Some(Arc::new(lookup));
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<Upstream> {
        let name = std::str::from_utf8(name).ok()?;
        match (self.by_name.get(name), &self.others) {
            (Some(upstream), _) => Some(upstream.clone()),
            (None, others) => others.as_ref()?(name),
        }
    }
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_server_and_nothing_else() {
        for (url, wrong) in [
            ("ftp://a", "does not begin with http:// or h2c://"),
            ("https://a", "does not begin with http:// or h2c://"),
            ("a:80", "does not begin with http:// or h2c://"),
            ("http://a/path", "has a path"),
            ("http://a?q", "has a path"),
            ("http://", "is no URL"),
        ] {
            let error = Upstream::url("a", url).err().unwrap_or_default();
            assert!(error.contains(wrong), "{url}: {error}");
        }
        for url in ["http://127.0.0.1:9000", "http://[::1]:9000/", "h2c://a:1"] {
            assert!(Upstream::url("a", url).is_ok(), "{url}");
        }
    }

    #[test]
    fn the_path_stays_and_the_server_is_ours() {
        let uri = at(
            &Authority::from_static("127.0.0.1:9"),
            &Uri::from_static("/a?b"),
        );
        assert_eq!(uri, "http://127.0.0.1:9/a?b");
    }
}
