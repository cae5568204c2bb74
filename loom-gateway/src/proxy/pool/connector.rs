//! New connections.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use tower::{BoxError, ServiceExt};

use super::ends::Ends;
use super::names::{Resolver, resolver};
use super::place::Way;
use super::secure::Handshake;
use crate::limits;

/// A connection to a server, encrypted or not.
pub(super) type Stream = Either<Socket, Box<TlsStream<Socket>>>;

/// What carries a connection.
pub(super) type Socket = Either<TcpStream, UnixStream>;

/// Opens connections to one server, within a time that covers the look-up of a name and the handshake of TLS too.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    to: To,
    tls: Option<Handshake>,
    timeout: Duration,
}

#[derive(Debug, Clone)]
enum To {
    Tcp(HttpConnector<Resolver>, Uri),
    Socket(Arc<Path>),
}

/// No connection within the time.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
pub(in crate::proxy) struct ConnectTimeout(Duration);

impl Connector {
    pub(super) fn new(way: &Way, timeout: Duration, tls: Option<Handshake>) -> Self {
        let to = match way {
            Way::Address(address) => To::Tcp(tcp(), uri(*address)),
            Way::Name(uri) => To::Tcp(tcp(), uri.clone()),
            Way::Socket(path) => To::Socket(Arc::clone(path)),
        };
        Self { to, tls, timeout }
    }

    /// What is known of a connection that it opened.
    pub(super) fn ends(&self, stream: &Stream) -> Ends {
        Ends::of(stream, self.tls.as_ref().and_then(Handshake::own))
    }

    pub(super) async fn connect(&self) -> Result<TokioIo<Stream>, BoxError> {
        match timeout(self.timeout, self.open()).await {
            Ok(connected) => Ok(TokioIo::new(connected?)),
            Err(_) => Err(ConnectTimeout(self.timeout).into()),
        }
    }

    async fn open(&self) -> Result<Stream, BoxError> {
        let socket = self.socket().await?;
        Ok(match &self.tls {
            None => Either::Left(socket),
            // Its state is large, and most upstreams have none.
            Some(tls) => Either::Right(Box::pin(tls.settle(socket)).await?),
        })
    }

    async fn socket(&self) -> Result<Socket, BoxError> {
        Ok(match &self.to {
            To::Tcp(tcp, uri) => Either::Left(tcp.clone().oneshot(uri.clone()).await?.into_inner()),
            To::Socket(path) => Either::Right(UnixStream::connect(path).await?),
        })
    }
}

fn tcp() -> HttpConnector<Resolver> {
    let mut tcp = HttpConnector::new_with_resolver(resolver());
    // Without it a small body waits for the acknowledgement of the headers.
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(limits::UPSTREAM_KEEPALIVE));
    tcp.set_keepalive_interval(Some(limits::UPSTREAM_KEEPALIVE));
    tcp
}

fn uri(address: SocketAddr) -> Uri {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Authority::try_from(address.to_string()).ok();
    parts.path_and_query = Some(PathAndQuery::from_static("/"));
    Uri::from_parts(parts).unwrap_or_default()
}
