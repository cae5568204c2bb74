//! The layer and its service.

use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response};
use tower::{Layer, Service};

use super::entry::Entry;
use super::future::AccessLogFuture;
use super::sink::Sink;

/// Puts [`AccessLog`] around a service.
#[derive(Debug, Clone)]
pub(crate) struct AccessLogLayer(Option<Arc<Sink>>);

impl AccessLogLayer {
    /// Writes lines, too, if there is somewhere to write them to.
    pub(crate) fn new(sink: Option<Arc<Sink>>) -> Self {
        Self(sink)
    }
}

impl<S> Layer<S> for AccessLogLayer {
    type Service = AccessLog<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AccessLog {
            inner,
            sink: self.0.clone(),
        }
    }
}

/// Runs the inner service in a span, and logs each request at its end.
#[derive(Debug, Clone)]
pub(crate) struct AccessLog<S> {
    inner: S,
    sink: Option<Arc<Sink>>,
}

impl<S> Service<Request<Body>> for AccessLog<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = AccessLogFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match Entry::new(&request, self.sink.as_ref()) {
            None => AccessLogFuture::Off {
                future: self.inner.call(request),
            },
            Some(entry) => {
                let request = entry.count(request);
                let future = entry.span().in_scope(|| self.inner.call(request));
                AccessLogFuture::On {
                    future,
                    entry: Some(entry),
                }
            }
        }
    }
}
