//! The bodies on both sides of the layer.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::cell::{Meter, StreamHandle, StreamRef};
use super::source::{Input, Source};
use crate::error::BoxError;
use crate::stream::{BodyStep, Direction};

/// Why a body ends early although its source did not fail.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plugin ended the stream")
    }
}

impl std::error::Error for Cut {}

type NextFrame = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

pin_project! {
    /// The request's body, as the inner service gets it.
    ///
    /// When a plugin looks at the body, it does so as the inner service reads it; without such a plugin the frames pass
    /// through untouched. Once the response was read to its end, or dropped, plugins see nothing more: a body that they look
    /// at then ends with an error.
    pub struct RequestBody<B> {
        #[pin]
        source: Source<B>,
        // Only when a plugin looks at the body.
        stream: Option<StreamRef>,
        // Only when none does, and one may ask for its size.
        meter: Option<Meter>,
        input: Option<Input>,
        over: bool,
    }
}

impl<B> RequestBody<B> {
    /// The body that the layer got, when nothing of it concerns the layer: an inner service that boxes bodies need not box
    /// this one again.
    ///
    /// # Errors
    ///
    /// The body as it is, when plugins look at it or may ask for its size.
    #[expect(clippy::result_large_err, reason = "it is the value that came in")]
    pub fn try_into_inner(self) -> Result<B, Self> {
        match self {
            Self {
                source: Source::Plain { body },
                stream: None,
                meter: None,
                ..
            } => Ok(body),
            through_plugins => Err(through_plugins),
        }
    }

    /// A body that no plugin looks at.
    pub(super) fn untouched(body: B) -> Self {
        Self::new(Source::Plain { body }, None, None)
    }

    pub(super) fn new(source: Source<B>, stream: Option<StreamRef>, meter: Option<Meter>) -> Self {
        Self {
            source,
            stream,
            meter,
            input: None,
            over: false,
        }
    }
}

impl<B> Body for RequestBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> NextFrame {
        let this = self.project();
        let Some(stream) = this.stream else {
            let frame = ready!(this.source.poll_frame(cx));
            if let (Some(meter), Some(Ok(frame))) = (this.meter, &frame) {
                meter.count(frame);
            }
            return Poll::Ready(frame);
        };
        poll_through(
            stream,
            Direction::Request,
            this.source,
            this.input,
            this.over,
            cx,
        )
    }

    fn is_end_stream(&self) -> bool {
        match self.stream {
            None => self.source.is_end_stream(),
            Some(_) => self.over,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.stream {
            None => self.source.size_hint(),
            Some(_) => SizeHint::default(),
        }
    }
}

impl<B> fmt::Debug for RequestBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").finish_non_exhaustive()
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
        // The inner service's, and no plugin looks at it.
        Inner { #[pin] source: Source<RB> },
        // These bytes.
        Own { bytes: Bytes },
        // Through the plugins.
        Plugins { #[pin] source: Source<RB>, input: Option<Input>, over: bool },
        // Cut before it began.
        Cut,
    }
}

impl<RB: Body<Data = Bytes>> ResponseBody<RB> {
    pub(super) fn inner(source: Source<RB>, stream: Option<StreamHandle>) -> Self {
        Self::new(Kind::Inner { source }, stream)
    }

    pub(super) fn own(bytes: Bytes, stream: Option<StreamHandle>) -> Self {
        Self::new(Kind::Own { bytes }, stream)
    }

    pub(super) fn through_plugins(source: Source<RB>, stream: Option<StreamHandle>) -> Self {
        let kind = Kind::Plugins {
            source,
            input: None,
            over: false,
        };
        Self::new(kind, stream)
    }

    pub(super) fn cut(stream: Option<StreamHandle>) -> Self {
        Self::new(Kind::Cut, stream)
    }

    fn new(kind: Kind<RB>, stream: Option<StreamHandle>) -> Self {
        let mut stream = stream.map(StreamHandle::for_response_body);
        // Nobody polls an empty body.
        if kind.is_end()
            && let Some(stream) = stream.take()
        {
            stream.finish();
        }
        Self { kind, stream }
    }
}

impl<RB: Body<Data = Bytes>> Kind<RB> {
    fn is_end(&self) -> bool {
        match self {
            Self::Inner { source } => source.is_end_stream(),
            Self::Own { bytes } => bytes.is_empty(),
            Self::Plugins { over, .. } => *over,
            Self::Cut => false,
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

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> NextFrame {
        let mut this = self.project();
        let frame = match this.kind.as_mut().project() {
            KindProj::Inner { source } => ready!(source.poll_frame(cx)),
            KindProj::Own { bytes } if bytes.is_empty() => None,
            KindProj::Own { bytes } => Some(Ok(Frame::data(std::mem::take(bytes)))),
            KindProj::Plugins {
                source,
                input,
                over,
            } => match this.stream {
                Some(stream) => ready!(poll_through(
                    stream.by_ref(),
                    Direction::Response,
                    source,
                    input,
                    over,
                    cx
                )),
                None => None,
            },
            KindProj::Cut => match this.stream.take() {
                Some(stream) => {
                    stream.finish();
                    Some(Err(Cut.into()))
                }
                None => None,
            },
        };
        if let (Some(stream), Some(Ok(frame))) = (this.stream.as_mut(), &frame) {
            stream.count(frame);
        }
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
            Kind::Inner { source } => source.size_hint(),
            Kind::Own { bytes } => SizeHint::with_exact(bytes.len() as u64),
            Kind::Plugins { .. } | Kind::Cut => SizeHint::default(),
        }
    }
}

impl<RB> fmt::Debug for ResponseBody<RB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Inner { .. } => "inner",
            Kind::Own { .. } => "own",
            Kind::Plugins { .. } => "plugins",
            Kind::Cut => "cut",
        };
        f.debug_struct("ResponseBody")
            .field("kind", &kind)
            .finish_non_exhaustive()
    }
}

/// The next frame of a body that passes plugins.
fn poll_through<B>(
    stream: &mut StreamRef,
    direction: Direction,
    mut source: Pin<&mut Source<B>>,
    input: &mut Option<Input>,
    over: &mut bool,
    cx: &mut Context<'_>,
) -> NextFrame
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    while !*over {
        // Before the look, so that nothing that happens after it is missed.
        stream.register(cx);
        let (step, is_over) = ready!(stream.poll(cx, |stream, cx| {
            if let Some(input) = input.take() {
                input.push(stream, direction);
            }
            let step = ready!(stream.poll_body(cx, direction));
            Poll::Ready((step, stream.is_body_over(direction)))
        }));
        *over = is_over;
        match step {
            BodyStep::Data(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
            BodyStep::Trailers(trailers) => {
                return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
            }
            BodyStep::End => break,
            BodyStep::NeedInput => *input = Some(ready!(source.as_mut().poll_input(cx))?),
            BodyStep::Cut => {
                *over = true;
                return Poll::Ready(Some(Err(Cut.into())));
            }
        }
    }
    Poll::Ready(None)
}
