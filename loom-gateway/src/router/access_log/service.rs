//! The layer and its service.

use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response};
use tower::{Layer, Service};

use super::entry::Entry;
use super::future::AccessLogFuture;

/// Puts [`AccessLog`] around a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccessLogLayer;

impl<S> Layer<S> for AccessLogLayer {
    type Service = AccessLog<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AccessLog { inner }
    }
}

/// Runs the inner service in a span, and logs each request at its end.
#[derive(Debug, Clone)]
pub(crate) struct AccessLog<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for AccessLog<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = AccessLogFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match Entry::new(&request) {
            None => AccessLogFuture::Off {
                future: self.inner.call(request),
            },
            Some(entry) => {
                let future = entry.span().in_scope(|| self.inner.call(request));
                AccessLogFuture::On {
                    future,
                    entry: Some(entry),
                }
            }
        }
    }
}
