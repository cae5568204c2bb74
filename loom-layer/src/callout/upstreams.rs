//! The upstreams that a plugin may call, by name.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use http_body::Body;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use super::CalloutBody;
use crate::error::BoxError;
use crate::limits;

type Answer = Pin<Box<dyn Future<Output = Result<Response<CalloutBody>, BoxError>> + Send>>;

/// One upstream: something that answers requests.
#[derive(Clone)]
pub(crate) struct Upstream {
    call: Arc<dyn Fn(Request<CalloutBody>) -> Answer + Send + Sync>,
}

impl Upstream {
    /// The upstream that a tower service is.
    pub(crate) fn service<S, B>(service: S) -> Self
    where
        S: Service<Request<CalloutBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self {
            call: Arc::new(move |request| Box::pin(Oneshot::new(service.clone(), request))),
        }
    }

    /// The server at an `http://host:port` URL, over connections that are kept; `Err` says what is wrong with the URL.
    pub(crate) fn url(url: &str) -> Result<Self, String> {
        let uri: Uri = url
            .parse()
            .map_err(|error| format!("`{url}` is no URL: {error}"))?;
        if uri.scheme() != Some(&Scheme::HTTP) {
            return Err(format!("`{url}` does not begin with http://"));
        }
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
        let client: Client<_, CalloutBody> = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits::CALL_IDLE)
            .build(connector);
        Ok(Self {
            call: Arc::new(move |mut request| {
                *request.uri_mut() = at(&authority, request.uri());
                let answer = client.request(request);
                Box::pin(async move {
                    Ok(answer
                        .await?
                        .map(|body| body.map_err(Into::into).boxed_unsync()))
                })
            }),
        })
    }

    pub(super) fn call(&self, request: Request<CalloutBody>) -> Answer {
        (self.call)(request)
    }
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
        Poll::Ready(Ok(
            response.map(|body| body.map_err(Into::into).boxed_unsync())
        ))
    }
}

/// The path of a request, at this server. The `host` header says what the plugin called it.
fn at(authority: &Authority, uri: &Uri) -> Uri {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority.clone());
    parts.path_and_query = uri.path_and_query().cloned();
    Uri::from_parts(parts).unwrap_or_default()
}

/// What a plugin may call, by name.
#[derive(Clone, Default)]
pub(crate) struct Upstreams {
    by_name: HashMap<String, Upstream>,
}

impl Upstreams {
    pub(crate) fn insert(&mut self, name: String, upstream: Upstream) {
        self.by_name.insert(name, upstream);
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<&Upstream> {
        self.by_name.get(std::str::from_utf8(name).ok()?)
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
            ("ftp://a", "does not begin with http://"),
            ("https://a", "does not begin with http://"),
            ("a:80", "does not begin with http://"),
            ("http://a/path", "has a path"),
            ("http://a?q", "has a path"),
            ("http://", "is no URL"),
        ] {
            let error = Upstream::url(url).err().unwrap_or_default();
            assert!(error.contains(wrong), "{url}: {error}");
        }
        assert!(Upstream::url("http://127.0.0.1:9000").is_ok());
        assert!(Upstream::url("http://[::1]:9000/").is_ok());
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
