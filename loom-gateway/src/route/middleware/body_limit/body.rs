//! The body, which says when it is too large.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{LengthLimitError, Limited};
use tokio::sync::oneshot;

/// A request's body up to the limit, and an error in the place of what is beyond it.
pub(super) struct LimitedBody {
    inner: Limited<Body>,
    beyond: Option<oneshot::Sender<()>>,
}

impl LimitedBody {
    pub(super) fn new(inner: Body, limit: usize, beyond: oneshot::Sender<()>) -> Self {
        Self {
            inner: Limited::new(inner, limit),
            beyond: Some(beyond),
        }
    }
}

impl HttpBody for LimitedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let poll = Pin::new(&mut self.inner).poll_frame(cx);
        poll.map_err(|error| {
            if error.is::<LengthLimitError>()
                && let Some(beyond) = self.beyond.take()
            {
                // Nobody waits any more when the response is on its way already.
                let _ = beyond.send(());
            }
            axum::Error::new(error)
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
