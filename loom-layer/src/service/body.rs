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
        progress: Progress,
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
            progress: Progress::new(&source),
            source,
            stream,
            meter,
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
        poll_through(stream, Direction::Request, this.source, this.progress, cx)
    }

    fn is_end_stream(&self) -> bool {
        match self.stream {
            None => self.source.is_end_stream(),
            Some(_) => self.progress.over,
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
        Plugins { #[pin] source: Source<RB>, progress: Progress },
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
            progress: Progress::new(&source),
            source,
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
            Self::Plugins { progress, .. } => progress.over,
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
            KindProj::Plugins { source, progress } => match this.stream {
                Some(stream) => {
                    let stream = stream.by_ref();
                    ready!(poll_through(
                        stream,
                        Direction::Response,
                        source,
                        progress,
                        cx
                    ))
                }
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

/// How far a body has come on its way through the plugins.
struct Progress {
    /// Read, and not given to the plugins yet.
    input: Option<Input>,
    /// The plugins have nothing to give before more is read.
    hungry: bool,
    /// They gave all.
    over: bool,
}

impl Progress {
    fn new<B>(source: &Source<B>) -> Self {
        Self {
            input: None,
            // What was read early may wait at its end already.
            hungry: !source.is_read_early(),
            over: false,
        }
    }
}

/// The next frame of a body that passes plugins.
fn poll_through<B>(
    stream: &mut StreamRef,
    direction: Direction,
    mut source: Pin<&mut Source<B>>,
    progress: &mut Progress,
    cx: &mut Context<'_>,
) -> NextFrame
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let mut is_registered = false;
    while !progress.over {
        let mut starves = false;
        if progress.hungry {
            match source.as_mut().poll_input(cx)? {
                Poll::Ready(input) => progress.input = Some(input),
                Poll::Pending => starves = true,
            }
        }
        if starves && !is_registered {
            // Only who waits has to be woken. The look comes after that, so that nothing is missed that happened before.
            stream.register(cx);
            is_registered = true;
        }
        progress.hungry = false;
        let looked = stream.poll(cx, |stream, cx| {
            if let Some(input) = progress.input.take() {
                input.push(stream, direction);
            }
            let step = ready!(stream.poll_body(cx, direction));
            progress.over = stream.is_body_over(direction);
            progress.hungry = stream.is_hungry(direction);
            Poll::Ready(step)
        });
        match looked {
            Poll::Ready(BodyStep::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
            Poll::Ready(BodyStep::Trailers(trailers)) => {
                return Poll::Ready(Some(Ok(Frame::trailers(*trailers))));
            }
            Poll::Ready(BodyStep::End) => break,
            Poll::Ready(BodyStep::Cut) => {
                progress.over = true;
                return Poll::Ready(Some(Err(Cut.into())));
            }
            Poll::Ready(BodyStep::NeedInput) if starves => return Poll::Pending,
            Poll::Ready(BodyStep::NeedInput) => {}
            Poll::Pending if is_registered => return Poll::Pending,
            Poll::Pending => {
                stream.register(cx);
                is_registered = true;
            }
        }
    }
    Poll::Ready(None)
}
