//! The upstreams that a plugin may call, by name.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use tower_service::Service;

use super::CalloutBody;
use super::server::{Server, tcp};
#[cfg(feature = "tls")]
use super::tls::{Secured, UpstreamTls};
use crate::error::BoxError;

pub(super) type Answer =
    Pin<Box<dyn Future<Output = Result<Response<CalloutBody>, BoxError>> + Send>>;

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
        Self::new(name.into(), move |request| {
            Box::pin(Oneshot::new(service.clone(), request))
        })
    }

    /// The server at a URL, over connections that are kept; `Err` says what is wrong with it.
    ///
    /// Requests of HTTP/2 go out as such, by prior knowledge or ALPN; with `h2c` for `http` all do.
    pub(crate) fn url(name: &str, url: &str) -> Result<Self, String> {
        let server = Server::parse(url)?;
        if server.is_tls() {
            #[cfg(feature = "tls")]
            return Self::with_tls(name, url, &UpstreamTls::system_roots());
            #[cfg(not(feature = "tls"))]
            return Err(format!(
                "`{url}` needs the feature `tls` of loom-layer, which is switched off"
            ));
        }
        Ok(Self::new(name.into(), server.caller(tcp(), tcp())))
    }

    /// As [`url`](Self::url), for an `https://` URL.
    #[cfg(feature = "tls")]
    pub(crate) fn with_tls(name: &str, url: &str, tls: &UpstreamTls) -> Result<Self, String> {
        let server = Server::parse(url)?;
        if !server.is_tls() {
            return Err(format!("`{url}` does not begin with https://"));
        }
        let name = name.into();
        let [http1, http2] = Secured::pair(&name, tls)?;
        Ok(Self::new(name, server.caller(http1, http2)))
    }

    fn new(
        name: Arc<str>,
        call: impl Fn(Request<CalloutBody>) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let call = Arc::new(call);
        Self { name, call }
    }

    pub(crate) fn name(&self) -> &str {
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
                let (upstream, error) = (&*self.name, Causes(&*error));
                tracing::debug!(target: "loom::callout", upstream, %error, "a callout failed before its response");
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

pub(super) fn boxed<B>(response: Response<B>) -> Response<CalloutBody>
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

/// An error with all its causes: the first one often says no more than that something failed.
struct Causes<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        std::iter::successors(self.0.source(), |&error| error.source())
            .try_for_each(|cause| write!(f, ": {cause}"))
    }
}
