//! The connection that a request came on.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use http::HeaderValue;

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
    proxied: Option<Proxied>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Connection {
    id: u64,
    peer: SocketAddr,
    local: SocketAddr,
    tls: Option<TlsInfo>,
    shown: Shown,
}

/// What a proxy that is believed says of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Proxied {
    client: IpAddr,
    https: Option<bool>,
}

/// The peer's IP address as text, from the first time that somebody asks. Connections do not differ by whether one did.
#[derive(Debug, Clone, Default)]
struct Shown(OnceLock<HeaderValue>);

impl PartialEq for Shown {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Shown {}

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
                shown: Shown::default(),
            }),
            proxied: None,
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

    /// Says that the peer is a proxy that is believed, and passes on a request of this client: `source.address` is then the
    /// client's address, with port 0, as in Envoy. With `https`, `request.scheme` is what the client spoke.
    ///
    /// It holds for this clone alone, so for one request of the connection.
    ///
    /// ```
    /// use loom_layer::ConnectionInfo;
    ///
    /// let proxy = ConnectionInfo::new("10.0.0.9:4711".parse()?, "10.0.0.1:80".parse()?);
    /// let request = proxy.clone().on_behalf_of("192.0.2.7".parse()?, Some(true));
    /// assert_eq!(request.client().to_string(), "192.0.2.7:0");
    /// assert_eq!(request.peer(), proxy.peer());
    /// assert_eq!((request.scheme(), proxy.scheme()), ("https", "http"));
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[must_use]
    pub fn on_behalf_of(mut self, client: IpAddr, https: Option<bool>) -> Self {
        let client = client.to_canonical();
        self.proxied = Some(Proxied { client, https });
        self
    }

    /// Whether somebody said on whose behalf the peer speaks.
    pub fn is_proxied(&self) -> bool {
        self.proxied.is_some()
    }

    /// The client's address: the peer's, or the one on whose behalf it speaks.
    pub fn client(&self) -> SocketAddr {
        match self.proxied {
            Some(proxied) => SocketAddr::new(proxied.client, 0),
            None => self.inner.peer,
        }
    }

    /// The address of the other end of the connection, be it the client or a proxy.
    pub fn peer(&self) -> SocketAddr {
        self.inner.peer
    }

    /// The peer's IP address as a header such as `x-forwarded-for` has it. Written once for a connection, however many
    /// requests ask for it.
    ///
    /// ```
    /// # use loom_layer::ConnectionInfo;
    /// let connection = ConnectionInfo::new("[::ffff:192.0.2.7]:5".parse()?, "[::]:80".parse()?);
    /// assert_eq!(connection.peer_value(), "192.0.2.7");
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Never: an IP address is a valid value.
    pub fn peer_value(&self) -> &HeaderValue {
        self.inner.shown.0.get_or_init(|| {
            let text = self.inner.peer.ip().to_string();
            HeaderValue::try_from(text).expect("digits, letters, dots and colons")
        })
    }

    /// The address that the client connected to.
    pub fn local(&self) -> SocketAddr {
        self.inner.local
    }

    /// What TLS settled; `None` on a connection without it.
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.inner.tls.as_ref()
    }

    /// `http`, or `https` on an encrypted connection, or what the client spoke to the proxy.
    pub fn scheme(&self) -> &'static str {
        if self.is_https() { "https" } else { "http" }
    }

    /// Whether [`scheme`](Self::scheme) is `https`.
    pub fn is_https(&self) -> bool {
        let said = self.proxied.and_then(|proxied| proxied.https);
        said.unwrap_or(self.inner.tls.is_some())
    }
}
