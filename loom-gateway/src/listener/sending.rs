//! What is sent on a connection: whether it is taken, and since when not.
//!
//! The kernel says that a socket may be written once a third of what it holds is gone, and it may hold 4 MiB. So a client that takes
//! 10 KiB a second looks for two minutes like one that takes nothing. A write that is tried all the same is taken as soon as there is
//! any room: while the kernel says nothing, it is tried now and then.

use std::io::ErrorKind::{Interrupted, WouldBlock};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{SendFlags, send};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits;

/// Whether a socket takes what is sent. Shared by the socket and its connection.
#[derive(Debug)]
pub(super) struct Sending {
    began: Instant,
    /// Since when it takes nothing, in microseconds from `began`; 0: it does.
    blocked: AtomicU64,
}

impl Sending {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            blocked: AtomicU64::new(0),
        })
    }

    /// The socket was asked to take something, and does or does not.
    pub(super) fn sent(&self, takes: bool) {
        let is_blocked = self.blocked.load(Ordering::Relaxed) != 0;
        if takes == is_blocked {
            let passed = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
            let since = if takes { 0 } else { passed.max(1) };
            self.blocked.store(since, Ordering::Relaxed);
        }
    }

    /// Since when it takes nothing; `None`: it does.
    pub(super) fn blocked(&self) -> Option<Instant> {
        let passed = self.blocked.load(Ordering::Relaxed);
        (passed != 0).then(|| self.began + Duration::from_micros(passed))
    }
}

/// A socket that can be written whether it is known to have room or not.
pub(super) trait SendNow {
    /// Sends as much as there is room for.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none.
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize>;
}

/// Without waiting, and without a signal when the client is gone.
#[cfg(not(target_vendor = "apple"))]
const AT_ONCE: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// Without waiting. Apple's systems know no such flag for the signal: their sockets are opened so that there is none.
#[cfg(target_vendor = "apple")]
const AT_ONCE: SendFlags = SendFlags::DONTWAIT;

impl SendNow for TcpStream {
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(self, bytes, AT_ONCE)?)
    }
}

impl SendNow for UnixStream {
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(self, bytes, AT_ONCE)?)
    }
}

/// A socket that tells whether what is sent is taken, see the module's text.
#[derive(Debug)]
pub(super) struct Persistent<S> {
    stream: S,
    sending: Arc<Sending>,
    /// Between two tries.
    pause: Duration,
    /// When it was last known that there is no room.
    full: Option<Instant>,
    /// From the first time on. It is moved only when it rings.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Persistent<S> {
    /// A socket that may take nothing for this long.
    pub(super) fn new(stream: S, send_timeout: Duration) -> Self {
        let pause = (send_timeout / 4).min(limits::SEND_RETRY);
        Self {
            stream,
            sending: Sending::new(),
            pause: pause.max(Duration::from_millis(1)),
            full: None,
            timer: None,
        }
    }

    /// What is known of it.
    pub(super) fn sending(&self) -> Arc<Sending> {
        Arc::clone(&self.sending)
    }
}

impl<S: SendNow> Persistent<S> {
    /// What comes of a write of these bytes, of which the socket has said this.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        said: Poll<io::Result<usize>>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = if said.is_pending() {
            self.try_now(cx, bytes)
        } else {
            self.full = None;
            said
        };
        self.sending.sent(poll.is_ready());
        poll
    }

    /// Tries it, when it is time for that.
    fn try_now(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Pending;
        }
        loop {
            let due = *self.full.get_or_insert_with(Instant::now) + self.pause;
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            if now < due {
                timer.as_mut().reset(due);
                continue;
            }
            self.full = Some(now);
            match self.stream.send_now(bytes) {
                Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Persistent<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + SendNow + Unpin> AsyncWrite for Persistent<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(cx, said, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        let first = bufs.iter().find(|buf| !buf.is_empty());
        self.written(cx, said, first.map_or(&[], |first| first))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::{advance, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A socket whose kernel never says that there is room, and that has this much.
    struct Silent(usize);

    impl SendNow for Silent {
        fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.min(bytes.len()) {
                0 => Err(WouldBlock.into()),
                count => Ok(count),
            }
        }
    }

    impl AsyncWrite for Silent {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    async fn write(socket: &mut Persistent<Silent>, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| Pin::new(&mut *socket).poll_write(cx, bytes)).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_there_is_room_for_is_sent_although_nobody_says_so() {
        let mut socket = Persistent::new(Silent(3), 2 * SECOND);
        for _ in 0..3 {
            let begun = Instant::now();
            let count = write(&mut socket, b"abcde").await.expect("room");
            assert_eq!((count, begun.elapsed()), (3, SECOND / 2));
            assert_eq!(socket.sending().blocked(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_there_is_none_it_is_known_since_when() {
        let mut socket = Persistent::new(Silent(0), 60 * SECOND);
        advance(SECOND).await;
        let begun = Instant::now();
        for bytes in [&b"abc"[..], b""] {
            let written = timeout(10 * SECOND, write(&mut socket, bytes)).await;
            assert!(written.is_err(), "{written:?}");
            assert_eq!(socket.sending().blocked(), Some(begun));
        }
        // A second is the most that it waits.
        socket.stream.0 = 1;
        let again = Instant::now();
        assert_eq!(write(&mut socket, b"abc").await.expect("room"), 1);
        assert!(again.elapsed() <= limits::SEND_RETRY);
    }
}
