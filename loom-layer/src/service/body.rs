//! The bodies on both sides of the layer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::cell::StreamHandle;

/// The error of the layer's bodies: the inner body's, or why a plugin ended the stream.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

pin_project! {
    /// The request's body, as the inner service gets it.
    #[derive(Debug)]
    pub struct RequestBody<B> {
        #[pin]
        inner: B,
    }
}

impl<B> RequestBody<B> {
    pub(super) fn new(inner: B) -> Self {
        Self { inner }
    }
}

impl<B> Body for RequestBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.project().inner.poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

pin_project! {
    /// The response's body: the inner service's, or that of a local reply.
    ///
    /// The stream ends with it: when it was read to its end, fails or is dropped, the plugins' `proxy_on_log`,
    /// `proxy_on_done` and `proxy_on_delete` run, once.
    pub struct ResponseBody<RB> {
        #[pin]
        kind: Kind<RB>,
        stream: Option<StreamHandle>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<RB> {
        Inner { #[pin] body: RB },
        Own { bytes: Bytes },
    }
}

impl<RB: Body<Data = Bytes>> ResponseBody<RB> {
    pub(super) fn inner(body: RB, stream: Option<StreamHandle>) -> Self {
        Self {
            kind: Kind::Inner { body },
            stream,
        }
        .finished_if_empty()
    }

    pub(super) fn own(bytes: Bytes, stream: Option<StreamHandle>) -> Self {
        Self {
            kind: Kind::Own { bytes },
            stream,
        }
        .finished_if_empty()
    }

    /// Nobody polls an empty body.
    fn finished_if_empty(mut self) -> Self {
        if self.kind.is_end()
            && let Some(stream) = self.stream.take()
        {
            stream.finish();
        }
        self
    }
}

impl<RB: Body<Data = Bytes>> Kind<RB> {
    fn is_end(&self) -> bool {
        match self {
            Self::Inner { body } => body.is_end_stream(),
            Self::Own { bytes } => bytes.is_empty(),
        }
    }
}

impl<RB> Body for ResponseBody<RB>
where
    RB: Body<Data = Bytes>,
    RB::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.project();
        let frame = match this.kind.as_mut().project() {
            KindProj::Inner { body } => {
                ready!(body.poll_frame(cx)).map(|frame| frame.map_err(Into::into))
            }
            KindProj::Own { bytes } if bytes.is_empty() => None,
            KindProj::Own { bytes } => Some(Ok(Frame::data(std::mem::take(bytes)))),
        };
        // Whoever knows from `is_end_stream` that this was the last frame does not ask for another one.
        let last = !matches!(frame, Some(Ok(_))) || this.kind.is_end();
        if last && let Some(stream) = this.stream.take() {
            stream.finish();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.kind.is_end()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body } => body.size_hint(),
            Kind::Own { bytes } => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}

impl<RB> std::fmt::Debug for ResponseBody<RB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match &self.kind {
            Kind::Inner { .. } => "inner",
            Kind::Own { .. } => "own",
        };
        f.debug_struct("ResponseBody")
            .field("kind", &kind)
            .finish_non_exhaustive()
    }
}
