//! The loop that accepts connections, and closes those that are too many.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpStream, UnixStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use super::bind::{Bound, Socket};
use super::connection;
use super::drain::Drain;
use super::ended::Ended;
use super::site::Site;
use crate::limits;

/// Serves a listener until `drain` starts and the last connection has ended. Dropped before, it ends them all.
pub(crate) async fn serve(bound: Bound, name: String, site: Arc<Site>, drain: Drain) {
    let mut started = drain.started();
    let mut tasks = Tasks {
        name,
        site,
        drain,
        running: JoinSet::new(),
    };
    loop {
        tokio::select! {
            biased;
            () = &mut started => break,
            Some(ended) = tasks.running.join_next() => tasks.ended(ended),
            accepted = accept(&bound.socket) => tasks.start(accepted),
        }
    }
    tasks.start_queued(bound.socket);
    while let Some(ended) = tasks.running.join_next().await {
        tasks.ended(ended);
    }
}

/// A connection that was accepted.
enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Accepted {
    fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(_, peer) => Some(*peer),
            Self::Unix(_) => None,
        }
    }
}

/// The next connection.
async fn accept(socket: &Socket) -> Option<Accepted> {
    let accepted = match socket {
        Socket::Tcp(socket) => {
            let accepted = socket.accept().await;
            accepted.map(|(stream, peer)| Accepted::Tcp(stream, peer))
        }
        Socket::Unix(socket, _) => {
            let accepted = socket.accept().await;
            accepted.map(|(stream, _)| Accepted::Unix(stream))
        }
    };
    match accepted {
        Ok(accepted) => Some(accepted),
        Err(error) if is_of_one_connection(&error) => None,
        Err(error) => {
            tracing::warn!(
                error = &error as &(dyn std::error::Error + 'static),
                "cannot accept a connection"
            );
            sleep(limits::ACCEPT_BACKOFF).await;
            None
        }
    }
}

/// The client was gone before it was accepted; the next one may be there.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

/// The connections of a listener.
struct Tasks {
    name: String,
    site: Arc<Site>,
    drain: Drain,
    running: JoinSet<()>,
}

impl Tasks {
    fn start(&mut self, accepted: Option<Accepted>) {
        let Some(accepted) = accepted else { return };
        let peer = accepted.peer();
        // Who has to wait for a place would not know for what; who is turned away can go elsewhere.
        let Some(open) = self.site.take() else {
            return self.site.ended(Ended::ConnectionLimit, peer, None);
        };
        let (site, drain) = (Arc::clone(&self.site), self.drain.clone());
        match accepted {
            Accepted::Tcp(stream, peer) => {
                // Without it the last packet of a response may wait for an acknowledgement. The connection works without, too.
                let _ = stream.set_nodelay(true);
                let Some(info) = connection::info(&stream, peer) else {
                    return;
                };
                let serving = connection::serve(stream, Some(info), open, site, drain);
                self.running.spawn(serving);
            }
            Accepted::Unix(stream) => {
                let serving = connection::serve(stream, None, open, site, drain);
                self.running.spawn(serving);
            }
        }
    }

    /// Starts what had connected before the listener closed; the kernel would reset it. It is never more than the queue
    /// holds, although others may still connect to a socket that processes share.
    fn start_queued(&mut self, socket: Socket) {
        match socket {
            Socket::Tcp(socket) => {
                let Ok(socket) = socket.into_std() else {
                    return;
                };
                for _ in 0..limits::ACCEPT_BACKLOG {
                    let Ok((stream, peer)) = socket.accept() else {
                        return;
                    };
                    let stream = stream
                        .set_nonblocking(true)
                        .and_then(|()| TcpStream::from_std(stream));
                    self.start(stream.ok().map(|stream| Accepted::Tcp(stream, peer)));
                }
            }
            Socket::Unix(socket, file) => {
                // First of all nobody finds it any more.
                drop(file);
                let Ok(socket) = socket.into_std() else {
                    return;
                };
                for _ in 0..limits::ACCEPT_BACKLOG {
                    let Ok((stream, _)) = socket.accept() else {
                        return;
                    };
                    let stream = stream
                        .set_nonblocking(true)
                        .and_then(|()| UnixStream::from_std(stream));
                    self.start(stream.ok().map(Accepted::Unix));
                }
            }
        }
    }

    fn ended(&self, ended: Result<(), JoinError>) {
        if let Err(error) = ended
            && error.is_panic()
        {
            tracing::error!(
                listener = self.name,
                error = &error as &(dyn std::error::Error + 'static),
                "connection task failed"
            );
        }
    }
}
