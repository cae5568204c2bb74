//! The body of a gRPC request: messages, as the guest sends them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

use crate::error::BoxError;

/// What goes out next.
#[derive(Debug)]
pub(crate) struct Piece {
    /// A message with its prefix, or nothing.
    pub(crate) message: Bytes,
    /// Nothing follows.
    pub(crate) last: bool,
}

/// The guest's end of the body. It never waits; what it holds is bounded by the bytes that a VM's calls may hold.
pub(crate) type Sender = mpsc::UnboundedSender<Piece>;

/// The body. It ends with the last piece; when its sender is dropped before, it fails, which resets the stream.
pub(crate) struct Outgoing {
    pieces: mpsc::UnboundedReceiver<Piece>,
    ended: bool,
}

impl Outgoing {
    pub(crate) fn new() -> (Sender, Self) {
        let (sender, pieces) = mpsc::unbounded_channel();
        let ended = false;
        (sender, Self { pieces, ended })
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let Some(Piece { message, last }) = ready!(self.pieces.poll_recv(cx)) else {
            // Clients cancel with this code ("gRPC over HTTP/2", Errors); hyper finds it here.
            let cancelled = h2::Error::from(h2::Reason::CANCEL);
            return Poll::Ready(Some(Err(cancelled.into())));
        };
        self.ended = last;
        Poll::Ready((!message.is_empty()).then(|| Ok(Frame::data(message))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
