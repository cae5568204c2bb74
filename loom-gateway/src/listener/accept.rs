//! The loop that accepts connections, never more than the listener's limit at a time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use super::bind::Bound;
use super::connection;
use super::drain::Drain;
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
        // Above the limit connections wait in the kernel's queue.
        let room = tasks.has_room();
        tokio::select! {
            biased;
            () = &mut started => break,
            Some(ended) = tasks.running.join_next() => tasks.ended(ended),
            () = tasks.site.changed(), if !room => {}
            accepted = accept(&bound.socket), if room => tasks.start(accepted),
        }
    }
    tasks.start_queued(bound.socket);
    while let Some(ended) = tasks.running.join_next().await {
        tasks.ended(ended);
    }
}

type Accepted = (TcpStream, SocketAddr);

/// The next connection.
async fn accept(socket: &TcpListener) -> Option<Accepted> {
    match socket.accept().await {
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
    fn has_room(&self) -> bool {
        self.site.has_room(self.running.len())
    }

    fn start(&mut self, accepted: Option<Accepted>) {
        let Some((stream, peer)) = accepted else {
            return;
        };
        // Without it the last packet of a response may wait for an acknowledgement. The connection works without, too.
        let _ = stream.set_nodelay(true);
        let (site, drain) = (Arc::clone(&self.site), self.drain.clone());
        self.running
            .spawn(connection::serve(stream, peer, site, drain));
        self.site.set_open(self.running.len());
    }

    /// Starts what had connected before the listener closed; the kernel would reset it.
    fn start_queued(&mut self, socket: TcpListener) {
        let Ok(socket) = socket.into_std() else {
            return;
        };
        while self.has_room()
            && let Ok((stream, peer)) = socket.accept()
        {
            let stream = stream
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(stream));
            self.start(stream.ok().map(|stream| (stream, peer)));
        }
    }

    fn ended(&self, ended: Result<(), JoinError>) {
        self.site.set_open(self.running.len());
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
