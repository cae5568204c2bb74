//! A body that can be read again, as long as it is small. What passes is kept by reference, and not copied.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use parking_lot::Mutex;

/// The body, for any number of tries.
#[derive(Debug)]
pub(super) struct Replay(Arc<Mutex<Shared>>);

/// The body of one try.
#[derive(Debug)]
pub(super) struct ReplayBody {
    shared: Arc<Mutex<Shared>>,
    /// Which try.
    number: u32,
    /// How many of the kept pieces it has given.
    given: usize,
    trailers_given: bool,
}

#[derive(Debug)]
struct Shared {
    inner: Body,
    /// The try that may read.
    number: u32,
    kept: Vec<Bytes>,
    trailers: Option<HeaderMap>,
    /// Bytes that may still be kept; `None` once there was more.
    room: Option<u64>,
    /// Whether anything was read.
    begun: bool,
    /// Whether `inner` has come to its end.
    ended: bool,
}

/// Another try reads this body now.
#[derive(Debug, thiserror::Error)]
#[error("the request was sent once more")]
struct Superseded;

impl Replay {
    /// Keeps so many bytes of `body`.
    pub(super) fn new(body: Body, most: u64) -> Self {
        // When it is known to be too long, there is no use in keeping its beginning.
        let room = (body.size_hint().lower() <= most).then_some(most);
        Self(Arc::new(Mutex::new(Shared {
            inner: body,
            number: 0,
            kept: Vec::new(),
            trailers: None,
            room,
            begun: false,
            ended: false,
        })))
    }

    /// The body from its beginning, which only [`is_whole`](Self::is_whole) promises. Those before it fail from now on.
    pub(super) fn next(&mut self) -> ReplayBody {
        let mut shared = self.0.lock();
        shared.number += 1;
        ReplayBody {
            shared: Arc::clone(&self.0),
            number: shared.number,
            given: 0,
            trailers_given: false,
        }
    }

    /// Whether everything that was read is kept.
    pub(super) fn is_whole(&self) -> bool {
        let shared = self.0.lock();
        shared.room.is_some() || !shared.begun
    }
}

impl Shared {
    /// The next frame that nobody has read yet.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let poll = Pin::new(&mut self.inner).poll_frame(cx);
        match &poll {
            Poll::Ready(Some(Ok(frame))) => self.keep(frame),
            Poll::Ready(Some(Err(_))) => {
                // What comes after it is not the body.
                self.begun = true;
                self.room = None;
            }
            Poll::Ready(None) => self.ended = true,
            Poll::Pending => {}
        }
        poll
    }

    fn keep(&mut self, frame: &Frame<Bytes>) {
        self.begun = true;
        let Some(room) = self.room else {
            return;
        };
        if let Some(data) = frame.data_ref() {
            self.room = room.checked_sub(data.len() as u64);
            match self.room {
                Some(_) => self.kept.push(data.clone()),
                None => self.kept = Vec::new(),
            }
        } else if let Some(trailers) = frame.trailers_ref() {
            self.trailers = Some(trailers.clone());
        }
    }
}

impl http_body::Body for ReplayBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let mut shared = this.shared.lock();
        if shared.number != this.number {
            return Poll::Ready(Some(Err(axum::Error::new(Superseded))));
        }
        if let Some(data) = shared.kept.get(this.given) {
            this.given += 1;
            return Poll::Ready(Some(Ok(Frame::data(data.clone()))));
        }
        if !this.trailers_given
            && let Some(trailers) = shared.trailers.clone()
        {
            this.trailers_given = true;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        if shared.ended {
            return Poll::Ready(None);
        }
        let poll = shared.read(cx);
        // What has just been kept was given.
        this.given = shared.kept.len();
        this.trailers_given = shared.trailers.is_some();
        poll
    }

    fn is_end_stream(&self) -> bool {
        let shared = self.shared.lock();
        shared.number == self.number
            && self.given == shared.kept.len()
            && self.trailers_given == shared.trailers.is_some()
            && (shared.ended || shared.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let shared = self.shared.lock();
        let left: u64 = shared
            .kept
            .iter()
            .skip(self.given)
            .map(|data| data.len() as u64)
            .sum();
        let inner = shared.inner.size_hint();
        let mut hint = SizeHint::new();
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(left));
        }
        hint.set_lower(inner.lower().saturating_add(left));
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full, StreamBody};

    use super::*;

    fn pieces(pieces: &[&'static str]) -> Body {
        let mut frames: Vec<_> = pieces
            .iter()
            .map(|piece| {
                Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from_static(piece.as_bytes())))
            })
            .collect();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-end", http::HeaderValue::from_static("1"));
        frames.push(Ok(Frame::trailers(trailers)));
        Body::new(StreamBody::new(futures_util::stream::iter(frames)))
    }

    async fn all(body: ReplayBody) -> (Bytes, usize) {
        let body = body.collect().await.expect("a whole body");
        let trailers = body.trailers().map_or(0, HeaderMap::len);
        (body.to_bytes(), trailers)
    }

    #[tokio::test]
    async fn what_was_read_is_read_again() {
        let mut replay = Replay::new(pieces(&["one ", "two ", "three"]), 100);
        let mut first = replay.next();
        for _ in 0..2 {
            first.frame().await.expect("a frame").expect("no error");
        }
        assert!(replay.is_whole());
        let second = replay.next();
        assert!(
            first.frame().await.expect("a frame").is_err(),
            "its time is over"
        );
        assert_eq!(all(second).await, ("one two three".into(), 1));
        assert_eq!(all(replay.next()).await, ("one two three".into(), 1));
    }

    #[tokio::test]
    async fn what_is_too_long_can_only_be_read_once() {
        let mut replay = Replay::new(pieces(&["four", "more"]), 7);
        let mut body = replay.next();
        body.frame().await.expect("a frame").expect("no error");
        assert!(replay.is_whole());
        assert_eq!(all(body).await, ("more".into(), 1));
        assert!(!replay.is_whole());

        let mut replay = Replay::new(Body::new(Full::new(Bytes::from("eight"))), 4);
        drop(replay.next());
        assert!(replay.is_whole(), "nothing was read");
        let body = replay.next();
        assert_eq!(body.size_hint().exact(), Some(5));
        assert_eq!(all(body).await, ("eight".into(), 0));
        assert!(!replay.is_whole());
    }

    #[tokio::test]
    async fn its_length_stays_known() {
        let mut replay = Replay::new(Body::from("12345"), 100);
        let first = replay.next();
        assert_eq!(first.size_hint().exact(), Some(5));
        all(first).await;
        let second = replay.next();
        assert!(!second.is_end_stream());
        assert_eq!(second.size_hint().exact(), Some(5));
    }
}
