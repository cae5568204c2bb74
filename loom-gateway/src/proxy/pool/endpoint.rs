//! One server, and its connections.

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use hyper::client::conn::http1::{self, SendRequest};
use loom_config::model;
use parking_lot::Mutex;
use tokio::net::TcpStream;

use super::connector::Connector;
use super::exchange::SendError;
use super::http2::Http2;
use super::idle::Idle;
use crate::errors::Chain;
use crate::limits;

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<Body>,
    pub(super) addresses: Option<Addresses>,
}

/// The two ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(in crate::proxy) struct Addresses {
    pub(in crate::proxy) remote: SocketAddr,
    pub(in crate::proxy) local: SocketAddr,
}

/// One server of an upstream.
#[derive(Debug)]
pub(in crate::proxy) struct Endpoint {
    authority: Authority,
    uri: Uri,
    connector: Connector,
    kept: Mutex<Kept>,
    http2: Http2,
}

#[derive(Debug)]
struct Kept {
    idle: Idle<Connection>,
    /// Whether a task is waiting to drop the old ones.
    watched: bool,
}

impl Endpoint {
    /// `None`, and a line in the log, when the host is none.
    pub(super) fn new(
        endpoint: &model::Endpoint,
        connect_timeout: Duration,
        idle_timeout: Duration,
    ) -> Option<Self> {
        let model::Endpoint { host, port } = endpoint;
        let authority = match host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]:{port}"),
            Err(_) => format!("{host}:{port}"),
        };
        let Some((authority, uri)) = parse(authority) else {
            tracing::error!(host, port, "endpoint is left out: this is no host");
            return None;
        };
        let idle = Idle::new(limits::POOL_IDLE_CONNECTIONS, idle_timeout);
        let connector = Connector::new(connect_timeout);
        Some(Self {
            authority,
            http2: Http2::new(connector.clone(), uri.clone()),
            uri,
            connector,
            kept: Mutex::new(Kept {
                idle,
                watched: false,
            }),
        })
    }

    /// Its `host:port`.
    pub(in crate::proxy) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Sends a request over HTTP/2, whatever the endpoint is spoken to otherwise.
    pub(in crate::proxy) async fn send_http2(
        &self,
        request: Request<Body>,
    ) -> Result<Response<Body>, SendError> {
        self.http2.send(request).await
    }

    /// A kept connection that is not known to be dead, and for how long it has been unused.
    pub(super) fn take(&self) -> Option<(Connection, Duration)> {
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
    pub(super) fn put(self: &Arc<Self>, mut connection: Connection) {
        if connection.sender.is_ready() {
            self.keep(connection);
        } else if !connection.sender.is_closed() {
            // Its task has not come to the end of the exchange, or the request's body is still on its way.
            let endpoint = Arc::clone(self);
            tokio::spawn(async move {
                if connection.sender.ready().await.is_ok() {
                    endpoint.keep(connection);
                }
            });
        }
    }

    fn keep(self: &Arc<Self>, connection: Connection) {
        let mut kept = self.kept.lock();
        kept.idle.put(connection, Instant::now());
        if !kept.watched {
            kept.watched = true;
            tokio::spawn(expire(Arc::clone(self)));
        }
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Connection, SendError> {
        let stream = self.connector.connect(self.uri.clone()).await;
        let stream = stream.map_err(SendError::Connect)?;
        let addresses = addresses(stream.inner());
        let mut builder = http1::Builder::new();
        builder.max_buf_size(limits::UPSTREAM_HEADER_BYTES as usize);
        let handshake = builder.handshake(stream).await;
        let (sender, driver) = handshake.map_err(SendError::Exchange)?;
        tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(error = %Chain(&error), "connection to the upstream ended");
            }
        });
        Ok(Connection { sender, addresses })
    }
}

fn addresses(stream: &TcpStream) -> Option<Addresses> {
    let (remote, local) = (stream.peer_addr().ok()?, stream.local_addr().ok()?);
    Some(Addresses { remote, local })
}

fn parse(authority: String) -> Option<(Authority, Uri)> {
    let authority = Authority::try_from(authority).ok()?;
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority.clone());
    parts.path_and_query = Some(PathAndQuery::from_static("/"));
    Some((authority, Uri::from_parts(parts).ok()?))
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
