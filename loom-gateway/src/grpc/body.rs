//! What a call brings, to its end or to its deadline.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use loom_layer::grpc;
use tokio::time::Sleep;

use crate::errors::{Cut, Failure};
use crate::listener::CutShort;
use crate::metrics::Connections;

/// The response's body of a call. When it is cut for the time that it took, trailers say so.
pub(super) struct CallBody {
    inner: Body,
    deadline: Option<Pin<Box<Sleep>>>,
    with_trailers: bool,
    /// Whether it ended before its end, which nobody is to take for a whole one.
    is_cut: bool,
    counters: Option<Arc<Connections>>,
}

impl CallBody {
    pub(super) fn new(
        inner: Body,
        deadline: Option<Pin<Box<Sleep>>>,
        with_trailers: bool,
        counters: Option<Arc<Connections>>,
    ) -> Self {
        Self {
            inner,
            deadline,
            with_trailers,
            is_cut: false,
            counters,
        }
    }

    /// The end of a response that was cut.
    fn cut(&mut self, error: axum::Error) -> Result<Frame<Bytes>, axum::Error> {
        // Whoever sends is told at once.
        self.inner = Body::empty();
        self.deadline = None;
        self.is_cut = true;
        match Cut::cause(&error).filter(|_| self.with_trailers) {
            Some(failure) => {
                // With trailers it looks like a whole one to whoever counts those that break off.
                if let Some(counters) = &self.counters {
                    counters.cut(CutShort::of(&error), 1);
                }
                let trailers = grpc::trailers(failure.grpc_code(), failure.reason().as_bytes());
                Ok(Frame::trailers(trailers))
            }
            None => Err(error),
        }
    }
}

impl HttpBody for CallBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let late = self.deadline.as_mut();
        if late.is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready()) {
            let error = axum::Error::new(Cut(Failure::GrpcDeadline));
            return Poll::Ready(Some(self.cut(error)));
        }
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(self.cut(error))),
            poll => poll,
        }
    }

    fn is_end_stream(&self) -> bool {
        !self.is_cut && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
