//! The body, which says when it was waited for too long.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;

use super::patience::Patience;

/// The client was too slow.
#[derive(Debug, thiserror::Error)]
#[error("the body did not come in time")]
struct TooSlow;

/// A request's body as long as it comes in time, and an error in the place of what does not.
pub(super) struct TimedBody {
    inner: Body,
    patience: Patience,
    /// Closed once there is a response, from when on there is no hurry; gone when it was too slow.
    late: Option<oneshot::Sender<()>>,
}

impl TimedBody {
    pub(super) fn new(inner: Body, patience: Patience, late: oneshot::Sender<()>) -> Self {
        Self {
            inner,
            patience,
            late: Some(late),
        }
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(late) = &self.late else {
            return Poll::Ready(Some(Err(axum::Error::new(TooSlow))));
        };
        let is_answered = late.is_closed();
        let poll = Pin::new(&mut self.inner).poll_frame(cx);
        if is_answered {
            return poll;
        }
        match poll {
            Poll::Ready(frame) => {
                let data = frame
                    .as_ref()
                    .and_then(|frame| frame.as_ref().ok()?.data_ref());
                self.patience.received(data.map_or(0, Bytes::len));
                Poll::Ready(frame)
            }
            Poll::Pending => {
                ready!(self.patience.poll_over(cx));
                if let Some(late) = self.late.take() {
                    // Nobody waits any more when the response has just come.
                    let _ = late.send(());
                }
                Poll::Ready(Some(Err(axum::Error::new(TooSlow))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
