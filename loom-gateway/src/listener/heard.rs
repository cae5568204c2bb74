//! The stream of a connection, which notices what comes, and hears the client out at its end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::activity::Activity;
use crate::limits;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Tells the connection's [`Activity`] that something was read, and whether it is HTTP/2.
#[derive(Debug)]
pub(super) struct Heard<S> {
    stream: S,
    activity: Arc<Activity>,
    /// How much of the preface of HTTP/2 has come; `None` when that is decided.
    preface: Option<u8>,
    /// From when nothing more is sent, while the client still sends what nobody reads.
    lingers: Option<Pin<Box<Sleep>>>,
}

/// Bytes that are read at once and thrown away.
const SCRAP: usize = 16 * 1024;

impl<S> Heard<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            activity,
            preface: Some(0),
            lingers: None,
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.activity.received();
        if let Some(known) = self.preface {
            let missing = &PREFACE[usize::from(known)..];
            let common = missing.iter().zip(bytes).take_while(|(a, b)| a == b);
            let common = common.count();
            let is_whole = common == missing.len();
            if is_whole {
                self.activity.speaks_http2();
            }
            let goes_on = !is_whole && common == bytes.len();
            self.preface = goes_on.then(|| known + u8::try_from(common).unwrap_or(0));
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.hear(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> Heard<S> {
    /// Reads until the client has said all, or for long enough.
    fn poll_heard_out(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let time = self
            .lingers
            .get_or_insert_with(|| Box::pin(sleep(limits::LINGER)));
        if time.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut scrap = [0; SCRAP];
        loop {
            let mut scrap = ReadBuf::new(&mut scrap);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut scrap));
            if read.is_err() || scrap.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingers.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            if !self.activity.leaves_unread() {
                return Poll::Ready(Ok(()));
            }
        }
        self.poll_heard_out(cx).map(Ok)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sending::Sending;
    use super::*;

    fn is_http2(pieces: &[&[u8]]) -> bool {
        let activity = Activity::new(Sending::new(), None);
        let mut heard = Heard::new((), Arc::clone(&activity));
        for piece in pieces {
            heard.hear(piece);
        }
        activity.is_http2()
    }

    #[test]
    fn the_preface_may_come_in_pieces() {
        assert!(is_http2(&[PREFACE]));
        assert!(is_http2(&[&[PREFACE, b"more"].concat()]));
        assert!(is_http2(&PREFACE.chunks(1).collect::<Vec<_>>()));
        assert!(!is_http2(&[&PREFACE[..23]]));
        assert!(!is_http2(&[b"GET / HTTP/1.1\r\n\r\n"]));
        assert!(!is_http2(&[&PREFACE[..10], b"x", PREFACE]));
        assert!(!is_http2(&[b"x", PREFACE]));
    }
}
