//! The bodies: both tell when something passes, the response's is cut when nothing does.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::watch::{Activity, Watch};
use crate::errors::{Cut, Failure};

/// A request's body.
pub(super) struct RequestBody {
    inner: Body,
    activity: Activity,
}

impl RequestBody {
    pub(super) fn new(inner: Body, activity: Activity) -> Self {
        Self { inner, activity }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let poll = Pin::new(&mut self.inner).poll_frame(cx);
        if poll.is_ready() {
            self.activity.touch();
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

/// A response's body.
pub(super) struct ResponseBody {
    inner: Body,
    watch: Pin<Box<Watch>>,
}

impl ResponseBody {
    pub(super) fn new(inner: Body, watch: Pin<Box<Watch>>) -> Self {
        Self { inner, watch }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(frame) => {
                self.watch.activity().touch();
                Poll::Ready(frame)
            }
            Poll::Pending => {
                let idle = self.watch.as_mut().poll_idle(cx);
                idle.map(|()| Some(Err(axum::Error::new(Cut(Failure::IdleTimeout)))))
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
