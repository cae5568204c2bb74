//! The connection that a request came on.

use std::net::SocketAddr;
use std::sync::Arc;

use super::TlsInfo;

/// The downstream connection of a request, for the properties `source.*`, `destination.*`, `connection.*` and
/// `request.scheme`.
///
/// Put it into the request's extensions before the layer; without it these properties are not found.
///
/// ```
/// use loom_layer::{ConnectionInfo, TlsInfo};
///
/// let mut request = http::Request::new(());
/// let (peer, local) = ("192.0.2.7:4711".parse()?, "192.0.2.1:8443".parse()?);
/// let connection = ConnectionInfo::new(peer, local)
///     .with_id(1)
///     .with_tls(TlsInfo::new("TLSv1.3").server_name("example.com"));
/// request.extensions_mut().insert(connection);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionInfo {
    inner: Arc<Connection>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Connection {
    id: u64,
    peer: SocketAddr,
    local: SocketAddr,
    tls: Option<TlsInfo>,
}

impl ConnectionInfo {
    /// A connection without TLS from `peer`, accepted at `local`. An IPv4 address that an IPv6 socket shows as
    /// `::ffff:192.0.2.7` is taken as the IPv4 address that it is.
    pub fn new(peer: SocketAddr, local: SocketAddr) -> Self {
        let plain =
            |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        Self {
            inner: Arc::new(Connection {
                id: 0,
                peer: plain(peer),
                local: plain(local),
                tls: None,
            }),
        }
    }

    /// Numbers the connection: `connection.id`.
    #[must_use]
    pub fn with_id(mut self, id: u64) -> Self {
        Arc::make_mut(&mut self.inner).id = id;
        self
    }

    /// Says that the connection is encrypted: `request.scheme` is then `https`.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsInfo) -> Self {
        Arc::make_mut(&mut self.inner).tls = Some(tls);
        self
    }

    /// The number of the connection; 0 when nobody numbered it.
    pub fn id(&self) -> u64 {
        self.inner.id
    }

    /// The client's address.
    pub fn peer(&self) -> SocketAddr {
        self.inner.peer
    }

    /// The address that the client connected to.
    pub fn local(&self) -> SocketAddr {
        self.inner.local
    }

    /// What TLS settled; `None` on a connection without it.
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.inner.tls.as_ref()
    }

    /// `http`, or `https` on an encrypted connection.
    pub fn scheme(&self) -> &'static str {
        if self.inner.tls.is_some() {
            "https"
        } else {
            "http"
        }
    }
}
