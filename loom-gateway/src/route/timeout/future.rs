//! The future: the response's headers, or 504.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body::Body as _;
use pin_project_lite::pin_project;

use super::body::TimedBody;
use super::clock::Clock;
use crate::errors::Failure;
use crate::upgrade::is_switched;

pin_project! {
    /// The future of [`RouteTimeout`](super::service::RouteTimeout).
    pub(crate) struct RouteTimeoutFuture<F> {
        #[pin]
        inner: F,
        // It goes on into the response's body, so that it cannot be pinned in here.
        clock: Option<Pin<Box<Clock>>>,
    }
}

impl<F> RouteTimeoutFuture<F> {
    pub(super) fn new(inner: F, clock: Clock) -> Self {
        Self {
            inner,
            clock: Some(Box::pin(clock)),
        }
    }
}

/// Whether a response has no end by its nature: a connection that was upgraded, or events that a server sends.
fn may_last<B>(response: &Response<B>) -> bool {
    let events = |value: &HeaderValue| value.as_bytes().starts_with(b"text/event-stream");
    is_switched(response) || response.headers().get(CONTENT_TYPE).is_some_and(events)
}

impl<F, E> Future for RouteTimeoutFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(result) = this.inner.poll(cx) {
            return Poll::Ready(result.map(|response| match this.clock.take() {
                // That these do not last in silence is `idle_timeout`'s.
                Some(clock) if !response.body().is_end_stream() && !may_last(&response) => {
                    response.map(|body| Body::new(TimedBody::new(body, clock)))
                }
                _ => response,
            }));
        }
        if let Some(clock) = this.clock
            && clock.as_mut().poll_over(cx).is_ready()
        {
            return Poll::Ready(Ok(Failure::RouteTimeout.respond(clock.path(), None)));
        }
        Poll::Pending
    }
}
