//! The layer that begins the span of a request, and what ends it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::collector::Tracing;
use super::request::RequestSpan;

/// Puts [`Traced`] around a service.
#[derive(Debug, Clone)]
pub(crate) struct TraceLayer(Arc<Tracing>);

impl TraceLayer {
    pub(crate) fn new(tracing: &Arc<Tracing>) -> Self {
        Self(Arc::clone(tracing))
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = Traced<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Traced {
            inner,
            tracing: Arc::clone(&self.0),
        }
    }
}

/// Gives each request a place in a trace.
#[derive(Debug, Clone)]
pub(crate) struct Traced<S> {
    inner: S,
    tracing: Arc<Tracing>,
}

impl<S> Service<Request<Body>> for Traced<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = TracedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let span = RequestSpan::begin(&self.tracing, &mut request);
        TracedFuture {
            inner: self.inner.call(request),
            span: Open(span.map(Box::new)),
        }
    }
}

/// The span of an exchange that is under way. Dropped with one in it, the client is gone.
struct Open(Option<Box<RequestSpan>>);

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(span) = &mut self.0 {
            span.abandoned();
        }
    }
}

pin_project! {
    /// The future of [`Traced`].
    pub(crate) struct TracedFuture<F> {
        #[pin]
        inner: F,
        span: Open,
    }
}

impl<F, E> Future for TracedFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        Poll::Ready(Ok(match this.span.0.take() {
            None => response,
            Some(mut span) => {
                span.answered(&response);
                if http_body::Body::is_end_stream(response.body()) {
                    return Poll::Ready(Ok(response));
                }
                let span = Open(Some(span));
                response.map(|inner| Body::new(TracedBody { inner, span }))
            }
        }))
    }
}

/// A body at the end of which the span ends.
struct TracedBody {
    inner: Body,
    span: Open,
}

impl http_body::Body for TracedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        let failed = matches!(frame, Some(Err(_)));
        if (failed || frame.is_none() || self.inner.is_end_stream())
            && let Some(mut span) = self.span.0.take()
            && failed
        {
            span.broken();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
