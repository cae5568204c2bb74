//! A body from outside, read by the layer or passed on as it is.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::error::BoxError;
use crate::stream::{Direction, Guest, Stream};

pin_project! {
    /// See the module's text.
    #[project = SourceProj]
    #[derive(Debug)]
    pub(super) enum Source<B> {
        // As it came.
        Plain { #[pin] body: B },
        // Read from before it found its last place, so it has a place of its own.
        Boxed { body: Pin<Box<B>> },
        // Dropped.
        Gone,
    }
}

/// What was read from a body and not given to the plugins yet.
pub(super) enum Input {
    /// A frame, and whether the end follows it. No frame is the end itself.
    Frame {
        frame: Option<Frame<Bytes>>,
        last: bool,
    },
    /// The body broke off before anybody could be told: the stream is cut.
    Broken,
}

impl Input {
    const END: Self = Self::Frame {
        frame: None,
        last: true,
    };

    /// Gives it to the plugins.
    pub(super) fn push<G: Guest>(self, stream: &mut Stream<G>, direction: Direction) {
        match self {
            Self::Frame { frame, last } => stream.push(direction, frame, last),
            Self::Broken => stream.cut(),
        }
    }
}

impl<B> Source<B> {
    /// Gives the body a place of its own, so that it can be read here and moved on later.
    pub(super) fn read_early(&mut self) {
        *self = match std::mem::replace(self, Self::Gone) {
            Self::Plain { body } => Self::Boxed {
                body: Box::pin(body),
            },
            other => other,
        };
    }

    /// Whether it was read from before it found its last place.
    pub(super) const fn is_read_early(&self) -> bool {
        !matches!(self, Self::Plain { .. })
    }
}

impl<B> Source<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    /// The next frame, as input for the plugins.
    pub(super) fn poll_input(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Input, BoxError>> {
        match self.project() {
            SourceProj::Plain { body } => poll_input(body, cx),
            SourceProj::Boxed { body } => poll_input(body.as_mut(), cx),
            SourceProj::Gone => Poll::Ready(Ok(Input::END)),
        }
    }

    /// As [`poll_input`](Self::poll_input), before the body found its last place.
    pub(super) fn poll_early(&mut self, cx: &mut Context<'_>) -> Poll<Result<Input, BoxError>> {
        match self {
            Self::Boxed { body } => poll_input(body.as_mut(), cx),
            Self::Plain { .. } | Self::Gone => Poll::Ready(Ok(Input::END)),
        }
    }

    /// The next frame, as it is.
    pub(super) fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project() {
            SourceProj::Plain { body } => body.poll_frame(cx).map_err(Into::into),
            SourceProj::Boxed { body } => body.as_mut().poll_frame(cx).map_err(Into::into),
            SourceProj::Gone => Poll::Ready(None),
        }
    }

    /// See [`Body::size_hint`].
    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Plain { body } => body.size_hint(),
            Self::Boxed { body } => body.size_hint(),
            Self::Gone => SizeHint::with_exact(0),
        }
    }
}

impl<B: Body> Source<B> {
    /// See [`Body::is_end_stream`].
    pub(super) fn is_end_stream(&self) -> bool {
        match self {
            Self::Plain { body } => body.is_end_stream(),
            Self::Boxed { body } => body.is_end_stream(),
            Self::Gone => true,
        }
    }
}

fn poll_input<B>(mut body: Pin<&mut B>, cx: &mut Context<'_>) -> Poll<Result<Input, BoxError>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    body.as_mut().poll_frame(cx).map(|frame| {
        let frame = frame.transpose().map_err(Into::into)?;
        let last = frame.is_none() || body.is_end_stream();
        Ok(Input::Frame { frame, last })
    })
}
