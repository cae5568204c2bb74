//! A response's body, at the end of which its connection goes back to be used again.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::endpoint::{Connection, Endpoint};

/// The body. Dropped before its end, it closes the connection: what is left of the response could not be told from the
/// next one.
pub(super) struct PooledBody {
    inner: Incoming,
    connection: Option<(Connection, Arc<Endpoint>)>,
}

impl PooledBody {
    pub(super) fn new(inner: Incoming, connection: Connection, endpoint: Arc<Endpoint>) -> Self {
        Self {
            inner,
            connection: Some((connection, endpoint)),
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
        let poll = Pin::new(&mut self.inner).poll_frame(cx);
        let failed = matches!(poll, Poll::Ready(Some(Err(_))));
        let ended = matches!(poll, Poll::Ready(None)) || self.inner.is_end_stream();
        if (ended || failed)
            && let Some((connection, endpoint)) = self.connection.take()
            && !failed
        {
            endpoint.put(connection);
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
