//! The streams of HTTP/2 connections. One whose client takes nothing of its response is reset after a time.
//!
//! A client that keeps the window of a stream shut may read its socket all the same, and answer PINGs, so that no limit of
//! its connection meets it. The response waits, and with it the upstream's connection. hyper asks a response's body for the
//! next piece when the one before has found room in the stream's window and in its share of memory
//! ([`HTTP2_SEND_BUFFER`](limits::HTTP2_SEND_BUFFER)). So a piece after which no other one is asked for waits for the client.
//! Whoever looks at that has to be outside of the body, which nobody polls any more: it is the task of the stream.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::rt::Executor;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::cut::CutShort;
use crate::limits;
use crate::metrics::Connections;

tokio::task_local! {
    /// Of the stream whose task is being polled.
    static CURRENT: Arc<Taken>;
}

/// What the client takes of one response. Shared by the stream's task and the response's body.
#[derive(Debug, Default)]
struct Taken {
    /// Pieces that were handed over.
    given: AtomicU32,
    /// How many there were when more was asked for.
    asked: AtomicU32,
}

impl Taken {
    /// How many pieces there were, if the last one waits.
    fn waiting(&self) -> Option<u32> {
        let given = self.given.load(Ordering::Relaxed);
        (given != self.asked.load(Ordering::Relaxed)).then_some(given)
    }
}

/// The body of a response of HTTP/2, in pieces that are small enough to tell a slow client from one that takes nothing.
#[derive(Debug)]
pub(super) struct Pieces {
    taken: Arc<Taken>,
    /// What was not handed over yet.
    rest: Bytes,
}

impl Pieces {
    /// Those of the stream whose task is being polled; with HTTP/1 there is none.
    pub(super) fn current() -> Option<Self> {
        let taken = CURRENT.try_with(Arc::clone).ok()?;
        let rest = Bytes::new();
        Some(Self { taken, rest })
    }

    /// More is asked for. The next piece of what is there already.
    pub(super) fn ask(&mut self) -> Option<Bytes> {
        let given = self.taken.given.load(Ordering::Relaxed);
        self.taken.asked.store(given, Ordering::Relaxed);
        (!self.rest.is_empty()).then(|| self.give())
    }

    /// The first piece of this.
    pub(super) fn cut(&mut self, data: Bytes) -> Bytes {
        self.rest = data;
        self.give()
    }

    /// How many bytes were not handed over yet.
    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }

    fn give(&mut self) -> Bytes {
        self.taken.given.fetch_add(1, Ordering::Relaxed);
        let length = self.rest.len().min(limits::HTTP2_PIECE);
        self.rest.split_to(length)
    }
}

/// Runs the streams of connections, each on a task of its own.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    /// The listener's name.
    pub(super) listener: Arc<str>,
    /// How long a client may take nothing.
    pub(super) patience: Duration,
    /// Who counts those that are reset.
    pub(super) counters: Option<Arc<Connections>>,
}

impl Streams {
    /// The client of a stream was waited for in vain.
    fn reset(&self) {
        let why = CutShort::StreamSendTimeout;
        if let Some(counters) = &self.counters {
            counters.cut(why, 1);
        }
        tracing::debug!(
            listener = &*self.listener,
            code = why.code(),
            "stream ended"
        );
    }
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, stream: F) {
        tokio::spawn(Patient {
            stream,
            taken: Arc::default(),
            terms: self.clone(),
            since: None,
            timer: None,
        });
    }
}

pin_project! {
    /// The task of a stream. Dropped before its end, the stream is reset.
    struct Patient<F> {
        #[pin]
        stream: F,
        taken: Arc<Taken>,
        terms: Streams,
        // Which piece waits, and since when.
        since: Option<(u32, Instant)>,
        // Only moved when it rings.
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<F: Future> Future for Patient<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let taken = Arc::clone(this.taken);
        let poll = CURRENT.sync_scope(taken, || this.stream.poll(cx));
        if poll.is_ready() {
            return Poll::Ready(());
        }
        let Some(piece) = this.taken.waiting() else {
            return Poll::Pending;
        };
        let since = match *this.since {
            Some((known, since)) if known == piece => since,
            _ => Instant::now(),
        };
        *this.since = Some((piece, since));
        let due = since + this.terms.patience;
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if due <= Instant::now() {
                this.terms.reset();
                return Poll::Ready(());
            }
            timer.as_mut().reset(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::sync::mpsc;
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A stream that hands a piece over for each message, and asks for more with each one that is true.
    fn stream() -> (mpsc::UnboundedSender<bool>, tokio::task::JoinHandle<()>) {
        let (sender, mut messages) = mpsc::unbounded_channel();
        let mut pieces = None;
        let stream = poll_fn(move |cx| {
            let pieces = pieces.get_or_insert_with(|| Pieces::current().expect("a stream"));
            while let Some(asks) = ready!(messages.poll_recv(cx)) {
                if asks {
                    pieces.ask();
                } else {
                    pieces.cut(Bytes::from_static(b"x"));
                }
            }
            Poll::Ready(())
        });
        let patient = Patient {
            stream,
            taken: Arc::default(),
            terms: Streams {
                listener: "web".into(),
                patience: 10 * SECOND,
                counters: None,
            },
            since: None,
            timer: None,
        };
        (sender, tokio::spawn(patient))
    }

    /// Lets this time pass.
    async fn pass(time: Duration) {
        // First the stream sees what it was told.
        tokio::task::yield_now().await;
        advance(time).await;
        tokio::task::yield_now().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_whose_client_takes_nothing_ends() {
        let (tell, stream) = stream();
        tell.send(false).expect("it runs");
        pass(9 * SECOND).await;
        assert!(!stream.is_finished());
        pass(2 * SECOND).await;
        assert!(stream.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_has_its_time() {
        let (tell, stream) = stream();
        for _ in 0..10 {
            tell.send(false).expect("it runs");
            pass(9 * SECOND).await;
            tell.send(true).expect("it runs");
        }
        // Now it waits for what is to be sent.
        pass(100 * SECOND).await;
        assert!(!stream.is_finished());
        tell.send(false).expect("it runs");
        pass(9 * SECOND).await;
        assert!(!stream.is_finished());
        pass(2 * SECOND).await;
        assert!(stream.is_finished());
    }

    #[test]
    fn pieces_have_a_size() {
        let mut pieces = Pieces {
            taken: Arc::default(),
            rest: Bytes::new(),
        };
        let whole = Bytes::from(vec![7; 2 * limits::HTTP2_PIECE + 1]);
        assert_eq!(pieces.ask(), None);
        assert_eq!(pieces.cut(whole).len(), limits::HTTP2_PIECE);
        assert_eq!(pieces.len(), limits::HTTP2_PIECE + 1);
        assert_eq!(
            pieces.ask().map(|piece| piece.len()),
            Some(limits::HTTP2_PIECE)
        );
        assert_eq!(pieces.ask().map(|piece| piece.len()), Some(1));
        assert_eq!(pieces.ask(), None);
    }
}
