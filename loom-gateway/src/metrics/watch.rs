//! The layer that counts requests.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::traffic::{Running, Traffic};

/// Puts [`Watch`] around a service.
#[derive(Debug, Clone)]
pub(crate) struct WatchLayer(Arc<Traffic>);

impl WatchLayer {
    /// Counts with these counters.
    pub(crate) fn new(traffic: Arc<Traffic>) -> Self {
        Self(traffic)
    }
}

impl<S> Layer<S> for WatchLayer {
    type Service = Watch<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Watch {
            inner,
            traffic: Arc::clone(&self.0),
        }
    }
}

/// Counts requests from their beginning to the end of the response's body.
#[derive(Debug, Clone)]
pub(crate) struct Watch<S> {
    inner: S,
    traffic: Arc<Traffic>,
}

impl<S> Service<Request<Body>> for Watch<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Watched<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let running = self.traffic.begin();
        Watched {
            inner: self.inner.call(request),
            watching: Watching::Body(running),
        }
    }
}

/// How far a request is counted.
#[derive(Debug)]
pub(crate) enum Watching {
    /// To the end of the response's body.
    Body(Running),
    /// To the head of the response.
    Head(Running),
    /// Not at all, or to the end already.
    Not,
}

impl Watching {
    /// To the head of the response, with these counters if there are some.
    pub(crate) fn head(traffic: Option<&Arc<Traffic>>) -> Self {
        traffic.map_or(Self::Not, |traffic| Self::Head(traffic.begin()))
    }

    fn answered(self, response: Response<Body>) -> Response<Body> {
        let (Self::Body(mut running) | Self::Head(mut running)) = self else {
            return response;
        };
        running.answered(response.status());
        response
    }
}

pin_project! {
    /// A future whose response is counted. Dropped before its end, it counts as one without a response.
    pub(crate) struct Watched<F> {
        #[pin]
        inner: F,
        watching: Watching,
    }
}

impl<F> Watched<F> {
    pub(crate) fn new(inner: F, watching: Watching) -> Self {
        Self { inner, watching }
    }
}

impl<F, E> Future for Watched<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        let watching = std::mem::replace(this.watching, Watching::Not);
        Poll::Ready(Ok(match watching {
            Watching::Body(mut running) if !http_body::Body::is_end_stream(response.body()) => {
                running.answered(response.status());
                response.map(|inner| {
                    Body::new(WatchedBody {
                        inner,
                        running: Some(running),
                    })
                })
            }
            watching => watching.answered(response),
        }))
    }
}

/// A body that is counted until it ends, or is dropped.
struct WatchedBody {
    inner: Body,
    running: Option<Running>,
}

impl http_body::Body for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if frame.is_none() || self.inner.is_end_stream() {
            self.running = None;
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
