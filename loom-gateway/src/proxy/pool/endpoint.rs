//! One server, and its connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use http::uri::{Authority, Scheme};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use loom_config::model::{self, Protocol};
use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tower::BoxError;

use super::condition::Condition;
use super::connector::Connector;
use super::ends::Ends;
use super::exchange::SendError;
use super::http2::Http2;
use super::idle::Idle;
use super::place::{Place, Way};
use super::secure::{Handshake, Secure};
use crate::errors::Chain;
use crate::limits;

/// A connection to a server. Dropped, it is closed. It has a box, in which it goes from hand to hand.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<Body>,
    pub(super) ends: Ends,
    pub(super) driver: Driver,
}

/// One server of an upstream.
#[derive(Debug)]
pub(in crate::proxy) struct Endpoint {
    place: Place,
    connector: Connector,
    scheme: Scheme,
    condition: Condition,
    in_flight: AtomicUsize,
    connections: Arc<AtomicUsize>,
    kept: Mutex<Kept>,
    pub(super) http2: Http2,
}

#[derive(Debug)]
struct Kept {
    idle: Idle<Box<Connection>>,
    /// Whether a task is waiting to drop the old ones.
    watched: bool,
}

impl Endpoint {
    pub(in crate::proxy) fn new(
        place: Place,
        timeouts: &model::UpstreamTimeouts,
        secure: Option<&Secure>,
    ) -> Self {
        let connector = |protocol| {
            let host = place.authority.host();
            let tls = secure.map(|secure| Handshake::new(secure, host, protocol));
            Connector::new(&place.way, timeouts.connect, tls)
        };
        let connections = Arc::default();
        Self {
            http2: Http2::new(connector(Protocol::Http2), Arc::clone(&connections)),
            connector: connector(Protocol::Http1),
            scheme: if secure.is_some() {
                Scheme::HTTPS
            } else {
                Scheme::HTTP
            },
            place,
            condition: Condition::default(),
            in_flight: AtomicUsize::new(0),
            connections,
            kept: Mutex::new(Kept {
                idle: Idle::new(limits::POOL_IDLE_CONNECTIONS, timeouts.idle),
                watched: false,
            }),
        }
    }

    /// Its `host:port`.
    pub(in crate::proxy) fn authority(&self) -> &Authority {
        &self.place.authority
    }

    /// `https` where connections to it are encrypted, else `http`.
    pub(in crate::proxy) fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// What it is called in logs.
    pub(in crate::proxy) fn label(&self) -> &str {
        &self.place.label
    }

    /// Its share of the requests.
    pub(in crate::proxy) fn weight(&self) -> u32 {
        self.place.weight
    }

    /// Its address; `None` when it has a name of which no address is known, and for a Unix socket.
    pub(in crate::proxy) fn address(&self) -> Option<SocketAddr> {
        match self.place.way {
            Way::Address(address) => Some(address),
            Way::Name(_) | Way::Socket(_) => None,
        }
    }

    /// Exchanges that are under way.
    pub(in crate::proxy) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Connections that are open.
    pub(in crate::proxy) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Those of them that nobody uses at the moment; of HTTP/2, none.
    pub(in crate::proxy) fn idle_connections(&self) -> usize {
        self.kept.lock().idle.len()
    }

    /// What is known of its health.
    pub(in crate::proxy) fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Whether a connection can be made that speaks this protocol.
    pub(in crate::proxy) async fn reach(&self, protocol: Protocol) -> Result<(), BoxError> {
        let connector = match protocol {
            Protocol::Http1 => &self.connector,
            Protocol::Http2 => self.http2.connector(),
        };
        connector.connect().await.map(drop)
    }

    /// Sends a request that is not a user's, on a connection of its own: those of users may have no place for it.
    pub(in crate::proxy) async fn ask(
        &self,
        request: Request<Body>,
        protocol: Protocol,
    ) -> Result<Response<Incoming>, SendError> {
        match protocol {
            Protocol::Http1 => {
                let mut connection = self.connect().await?;
                let response = connection.sender.send_request(request).await;
                connection.driver.detach();
                response.map_err(SendError::Exchange)
            }
            Protocol::Http2 => self.http2.send_alone(request).await,
        }
    }

    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// A kept connection that is not known to be dead, and for how long it has been unused.
    pub(super) fn take(&self) -> Option<(Box<Connection>, Duration)> {
        let now = Instant::now();
        let mut kept = self.kept.lock();
        loop {
            let (connection, unused) = kept.idle.take(now)?;
            if !connection.sender.is_closed() {
                return Some((connection, unused));
            }
        }
    }

    /// Keeps a connection whose response is complete.
    pub(super) fn put(self: &Arc<Self>, mut connection: Box<Connection>) {
        if connection.sender.is_ready() {
            self.keep(connection);
        } else if !connection.sender.is_closed() {
            // Its task has not come to the end of the exchange, or the request's body is still on its way.
            let endpoint = Arc::clone(self);
            tokio::spawn(async move {
                match timeout(limits::POOL_SETTLE, connection.sender.ready()).await {
                    Ok(Ok(())) => endpoint.keep(connection),
                    Ok(Err(_)) => {}
                    Err(_) => drop(connection),
                }
            });
        }
    }

    fn keep(self: &Arc<Self>, connection: Box<Connection>) {
        let mut kept = self.kept.lock();
        kept.idle.put(connection, Instant::now());
        if !kept.watched {
            kept.watched = true;
            tokio::spawn(expire(Arc::clone(self)));
        }
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Box<Connection>, SendError> {
        let stream = self.connector.connect().await;
        let stream = stream.map_err(SendError::Connect)?;
        let ends = self.connector.ends(stream.inner());
        let mut builder = http1::Builder::new();
        builder.max_buf_size(limits::UPSTREAM_HEADER_BYTES as usize);
        let handshake = builder.handshake(stream).await;
        let (sender, driver) = handshake.map_err(SendError::Exchange)?;
        let open = Open::count(&self.connections);
        let task = tokio::spawn(async move {
            let _open = open;
            if let Err(error) = driver.with_upgrades().await {
                tracing::debug!(error = %Chain(&error), "connection to the upstream ended");
            }
        });
        Ok(Box::new(Connection {
            sender,
            ends,
            driver: Driver(Some(task.abort_handle())),
        }))
    }
}

/// The task that drives a connection, which ends with this. Of itself hyper would first write what it still has, however
/// long a server takes that does not read.
#[derive(Debug)]
pub(super) struct Driver(Option<AbortHandle>);

impl Driver {
    /// Lets the task go on to its own end.
    pub(super) fn detach(mut self) {
        self.0 = None;
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// One connection in the count of those that are open.
#[derive(Debug)]
pub(super) struct Open(Arc<AtomicUsize>);

impl Open {
    pub(super) fn count(connections: &Arc<AtomicUsize>) -> Self {
        connections.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(connections))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Drops connections as they grow old, until there is none. It holds the endpoint no longer than its last connection.
async fn expire(endpoint: Arc<Endpoint>) {
    loop {
        let next = {
            let mut kept = endpoint.kept.lock();
            let next = kept.idle.expire(Instant::now());
            kept.watched = next.is_some();
            next
        };
        match next {
            Some(next) => tokio::time::sleep_until(next.into()).await,
            None => return,
        }
    }
}
