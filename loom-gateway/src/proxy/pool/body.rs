//! A response's body, at the end of which its connection goes back to be used again.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::endpoint::Connection;
use super::lease::Lease;

/// The body. Dropped before its end, it closes the connection: what is left of the response could not be told from the
/// next one.
pub(super) struct PooledBody {
    inner: Incoming,
    /// The exchange, and its connection when that carries one exchange at a time.
    exchange: Option<(Option<Box<Connection>>, Lease)>,
    /// Why the body is broken off; it is said with the next poll.
    failed: Option<hyper::Error>,
}

impl PooledBody {
    pub(super) fn new(inner: Incoming, connection: Option<Box<Connection>>, lease: Lease) -> Self {
        Self {
            inner,
            exchange: Some((connection, lease)),
            failed: None,
        }
    }

    fn give_back(&mut self) {
        if let Some((Some(connection), lease)) = self.exchange.take() {
            lease.put(connection);
        }
    }
}

impl Body for PooledBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(failed) = self.failed.take() {
            return Poll::Ready(Some(Err(failed)));
        }
        let poll = Pin::new(&mut self.inner).poll_frame(cx);
        match poll {
            Poll::Ready(Some(Err(error))) => {
                // What came before it goes out first: hyper throws away what is not written yet when a body fails.
                self.exchange = None;
                self.failed = Some(error);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(None) => self.give_back(),
            Poll::Ready(Some(Ok(_))) if self.inner.is_end_stream() => self.give_back(),
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        poll
    }

    fn is_end_stream(&self) -> bool {
        self.failed.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
