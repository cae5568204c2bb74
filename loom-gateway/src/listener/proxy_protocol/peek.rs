//! Looking at what a socket has to read.

use std::io;

use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// A socket that shows what comes next, and keeps it.
pub(in crate::listener) trait Peek {
    /// Waits until there is something, and copies it. 0 is the end.
    fn peek(&self, into: &mut [u8]) -> impl Future<Output = io::Result<usize>> + Send;
}

impl Peek for TcpStream {
    async fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        TcpStream::peek(self, into).await
    }
}

impl Peek for UnixStream {
    async fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        let look = || {
            let (_, count) = recv(self, &mut *into, RecvFlags::PEEK)?;
            Ok(count)
        };
        self.async_io(Interest::READABLE, look).await
    }
}
