//! The PROXY protocol: before anything else, a load balancer says for whom it has made a connection.
//!
//! The header is taken off the socket to its last byte and no further, so that whatever speaks next finds its own beginning.

mod header;
mod peek;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::ended::Ended;
use crate::limits;
use header::Garbage;
#[cfg(feature = "fuzzing")]
pub(crate) use header::try_proxy_header;
pub(super) use peek::Peek;

/// Both ends of a connection, as its load balancer tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) client: SocketAddr,
    pub(super) local: SocketAddr,
}

/// Why a connection has no header.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoHeader {
    #[error("the connection does not begin with a header of the PROXY protocol")]
    Garbage(#[from] Garbage),
    #[error("the header of the PROXY protocol was not there in time")]
    Timeout,
    #[error("the connection ended before its header of the PROXY protocol")]
    Closed(#[from] io::Error),
}

impl NoHeader {
    /// Why the gateway ends the connection; `None` when the peer has ended it.
    pub(super) fn ended(&self) -> Option<Ended> {
        match self {
            Self::Garbage(_) => Some(Ended::ProxyProtocol),
            Self::Timeout => Some(Ended::ProxyProtocolTimeout),
            Self::Closed(_) => None,
        }
    }
}

/// Takes the header off a connection. `None`: the load balancer speaks for itself, as when it looks whether the gateway lives,
/// or for somebody who has no address.
pub(super) async fn read<S>(stream: &mut S, within: Duration) -> Result<Option<Ends>, NoHeader>
where
    S: Peek + AsyncRead + Unpin,
{
    let header = timeout(within, take(stream));
    let header = header.await.map_err(|_| NoHeader::Timeout)??;
    Ok(header::ends(&header)?)
}

/// The bytes of the header. What is looked at belongs to it, or it is no header: so nothing of what follows is ever taken.
async fn take<S>(stream: &mut S) -> Result<Vec<u8>, NoHeader>
where
    S: Peek + AsyncRead + Unpin,
{
    let mut header = Vec::new();
    let mut seen = [0; limits::PROXY_HEADER_PEEK];
    loop {
        let count = stream.peek(&mut seen).await?;
        if count == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let taken = header.len();
        header.extend_from_slice(&seen[..count]);
        let length = header::length(&header)?;
        header.truncate(length.unwrap_or(header.len()));
        let own = header.len() - taken;
        stream.read_exact(&mut seen[..own]).await?;
        if length == Some(header.len()) {
            return Ok(header);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    use super::*;

    const V1: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n";

    async fn read_of(pieces: &[&[u8]]) -> (Result<Option<Ends>, NoHeader>, Vec<u8>) {
        let (mut ours, mut theirs) = UnixStream::pair().expect("a pair");
        let sending = async {
            for piece in pieces {
                theirs.write_all(piece).await.expect("sent");
                tokio::task::yield_now().await;
            }
            drop(theirs);
        };
        let reading = async {
            let ends = read(&mut ours, Duration::from_secs(60)).await;
            let mut rest = Vec::new();
            let _ = ours.read_to_end(&mut rest).await;
            (ends, rest)
        };
        tokio::join!(reading, sending).0
    }

    #[tokio::test]
    async fn what_follows_the_header_stays() {
        let whole = [V1, b"GET / HTTP/1.1\r\n"].concat();
        let (ends, rest) = read_of(&[&whole]).await;
        let client = "192.0.2.7:4711".parse().expect("an address");
        let local = "192.0.2.1:443".parse().expect("an address");
        assert_eq!(ends.expect("a header"), Some(Ends { client, local }));
        assert_eq!(rest, b"GET / HTTP/1.1\r\n");
    }

    #[tokio::test]
    async fn a_header_may_come_byte_by_byte() {
        let whole = [V1, b"rest"].concat();
        let pieces: Vec<&[u8]> = whole.chunks(1).collect();
        let (ends, rest) = read_of(&pieces).await;
        assert!(ends.expect("a header").is_some());
        assert_eq!(rest, b"rest");
    }

    #[tokio::test]
    async fn no_header_is_an_error() {
        let (ends, _) = read_of(&[b"GET / HTTP/1.1\r\n\r\n"]).await;
        assert!(matches!(ends, Err(NoHeader::Garbage(_))), "{ends:?}");
        let (ends, _) = read_of(&[&V1[..20]]).await;
        assert!(matches!(ends, Err(NoHeader::Closed(_))), "{ends:?}");
        let (ends, _) = read_of(&[]).await;
        assert!(matches!(ends, Err(NoHeader::Closed(_))), "{ends:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_has_its_time() {
        let (mut ours, _theirs) = UnixStream::pair().expect("a pair");
        let ends = read(&mut ours, Duration::from_secs(5)).await;
        assert!(matches!(ends, Err(NoHeader::Timeout)), "{ends:?}");
    }
}
