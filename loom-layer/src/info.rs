//! What only the server knows of a request, handed to plugins through request extensions.

use std::net::SocketAddr;
use std::sync::Arc;

/// The downstream connection of a request, for the properties `source.*`, `destination.*`, `connection.*` and
/// `request.scheme`.
///
/// Put it into the request's extensions before the layer; without it these properties are not found.
///
/// ```
/// use loom_layer::ConnectionInfo;
///
/// let mut request = http::Request::new(());
/// let (peer, local) = ("192.0.2.7:4711".parse()?, "192.0.2.1:8080".parse()?);
/// request.extensions_mut().insert(ConnectionInfo::new(peer, local));
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
    secure: bool,
}

impl ConnectionInfo {
    /// A connection without TLS from `peer`, accepted at `local`.
    pub fn new(peer: SocketAddr, local: SocketAddr) -> Self {
        Self {
            inner: Arc::new(Connection {
                id: 0,
                peer,
                local,
                secure: false,
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
    pub fn with_tls(mut self) -> Self {
        Arc::make_mut(&mut self.inner).secure = true;
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

    /// `http`, or `https` on an encrypted connection.
    pub fn scheme(&self) -> &'static str {
        if self.inner.secure { "https" } else { "http" }
    }
}

/// The route that a request took, for the properties `xds.route_name`, `route_name`, `xds.cluster_name` and
/// `cluster_name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    inner: Arc<Names>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Names {
    route: String,
    upstream: Option<String>,
}

impl RouteInfo {
    /// The route of this name.
    pub fn new(route: impl Into<String>) -> Self {
        Self {
            inner: Arc::new(Names {
                route: route.into(),
                upstream: None,
            }),
        }
    }

    /// Names the upstream that the route leads to.
    #[must_use]
    pub fn upstream(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.inner).upstream = Some(name.into());
        self
    }

    /// The route's name.
    pub fn route_name(&self) -> &str {
        &self.inner.route
    }

    /// The upstream's name.
    pub fn upstream_name(&self) -> Option<&str> {
        self.inner.upstream.as_deref()
    }
}
