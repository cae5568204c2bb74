//! The loop that accepts connections, never more than the listener's limit at a time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use loom_config::model::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use super::bind::Bound;
use super::connection::{Connections, protocol};
use super::drain::Drain;
use crate::limits;

/// Serves a listener until `drain` starts and the last connection has ended. Dropped before, it ends them all.
pub(crate) async fn serve(bound: Bound, listener: Listener, router: Router, drain: Drain) {
    let connections = Arc::new(Connections {
        protocol: protocol(listener.limits),
        router,
        header_timeout: listener.limits.header_timeout,
        drain: drain.clone(),
    });
    let mut tasks = Tasks {
        name: listener.name,
        connections,
        running: JoinSet::new(),
    };
    // Above this number connections wait in the kernel's queue.
    let permits = Arc::new(Semaphore::new(
        listener.limits.connections.min(Semaphore::MAX_PERMITS),
    ));
    let mut drain = drain.started();
    loop {
        tokio::select! {
            biased;
            () = &mut drain => break,
            Some(ended) = tasks.running.join_next() => tasks.ended(ended),
            accepted = accept(&bound.socket, &permits) => tasks.start(accepted),
        }
    }
    tasks.start_queued(bound.socket, &permits);
    while let Some(ended) = tasks.running.join_next().await {
        tasks.ended(ended);
    }
}

type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

/// The next connection, once there is room for one.
async fn accept(socket: &TcpListener, permits: &Arc<Semaphore>) -> Option<Accepted> {
    // It is never closed, so that there is no error to it.
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match socket.accept().await {
        Ok((stream, peer)) => Some((stream, peer, permit)),
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
    connections: Arc<Connections>,
    running: JoinSet<()>,
}

impl Tasks {
    fn start(&mut self, accepted: Option<Accepted>) {
        let Some((stream, peer, permit)) = accepted else {
            return;
        };
        // Without it the last packet of a response may wait for an acknowledgement. The connection works without, too.
        let _ = stream.set_nodelay(true);
        let connections = Arc::clone(&self.connections);
        self.running.spawn(async move {
            connections.serve(stream, peer).await;
            drop(permit);
        });
    }

    /// Starts what had connected before the listener closed; the kernel would reset it.
    fn start_queued(&mut self, socket: TcpListener, permits: &Arc<Semaphore>) {
        let Ok(socket) = socket.into_std() else {
            return;
        };
        while let Ok(permit) = Arc::clone(permits).try_acquire_owned()
            && let Ok((stream, peer)) = socket.accept()
        {
            let stream = stream
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(stream));
            self.start(stream.ok().map(|stream| (stream, peer, permit)));
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
