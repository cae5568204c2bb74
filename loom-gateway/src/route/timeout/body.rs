//! The bodies: the request's, whose end starts the time, and the response's, which the time may cut.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;

use super::clock::Clock;
use crate::errors::{Cut, Failure};

/// A request's body. It says when it has ended; being dropped counts as an end.
pub(super) struct RequestEnd {
    inner: Body,
    ended: Option<oneshot::Sender<()>>,
}

impl RequestEnd {
    pub(super) fn new(inner: Body, ended: oneshot::Sender<()>) -> Self {
        Self {
            inner,
            ended: Some(ended),
        }
    }
}

impl HttpBody for RequestEnd {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let poll = Pin::new(&mut self.inner).poll_frame(cx);
        let over = matches!(poll, Poll::Ready(None | Some(Err(_)))) || self.inner.is_end_stream();
        if over && let Some(ended) = self.ended.take() {
            // Nobody waits any more when the response is complete already.
            let _ = ended.send(());
        }
        poll
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A response's body that ends in an error when the time is over.
pub(super) struct TimedBody {
    inner: Body,
    clock: Pin<Box<Clock>>,
}

impl TimedBody {
    pub(super) fn new(inner: Body, clock: Pin<Box<Clock>>) -> Self {
        Self { inner, clock }
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.clock.as_mut().poll_over(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(axum::Error::new(Cut(Failure::RouteTimeout))))),
            Poll::Pending => Pin::new(&mut self.inner).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
