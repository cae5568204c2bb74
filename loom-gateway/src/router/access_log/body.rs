//! The response's body, counted.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::entry::Entry;

/// Counts what passes. The entry is written when it is dropped.
pub(super) struct AccessLogBody {
    inner: Body,
    entry: Entry,
}

impl AccessLogBody {
    pub(super) fn new(inner: Body, mut entry: Entry) -> Self {
        if http_body::Body::is_end_stream(&inner) {
            entry.complete();
        }
        Self { inner, entry }
    }
}

impl http_body::Body for AccessLogBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let poll = this
            .entry
            .span()
            .in_scope(|| Pin::new(&mut this.inner).poll_frame(cx));
        match &poll {
            Poll::Ready(Some(Ok(frame))) => {
                this.entry.sent(frame.data_ref().map_or(0, Bytes::len));
                if this.inner.is_end_stream() {
                    this.entry.complete();
                }
            }
            Poll::Ready(Some(Err(error))) => this.entry.failed(error),
            Poll::Ready(None) => this.entry.complete(),
            Poll::Pending => {}
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
