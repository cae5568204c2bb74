//! Where a server is.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use loom_config::model::{self, EndpointAddress};

/// What `Host` says of a server that has no name, when the client said nothing.
const UNNAMED: &str = "localhost";

/// Where a server is, and what it is called.
#[derive(Debug, Clone)]
pub(in crate::proxy) struct Place {
    pub(super) way: Way,
    /// What `Host` says when the client said nothing.
    pub(super) authority: Authority,
    /// What logs say.
    pub(super) label: Arc<str>,
    pub(super) weight: u32,
}

/// How a server is reached.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// By an address.
    Address(SocketAddr),
    /// By a name, which is looked up for each connection.
    Name(Uri),
    /// By a file.
    Socket(Arc<Path>),
}

impl Place {
    /// `None`, and a line in the log, when the host is none.
    pub(in crate::proxy) fn new(endpoint: &model::Endpoint) -> Option<Self> {
        let weight = endpoint.weight;
        let (host, port) = match &endpoint.address {
            EndpointAddress::Tcp { host, port } => (host, *port),
            EndpointAddress::Unix(path) => {
                return Some(Self {
                    way: Way::Socket(path.as_path().into()),
                    authority: Authority::from_static(UNNAMED),
                    label: format!("unix:{}", path.display()).into(),
                    weight,
                });
            }
        };
        let written = match host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]:{port}"),
            Err(_) => format!("{host}:{port}"),
        };
        let Some((authority, uri)) = parse(&written) else {
            tracing::error!(host, port, "endpoint is left out: this is no host");
            return None;
        };
        let address = host.parse::<IpAddr>();
        Some(Self {
            way: address.map_or(Way::Name(uri), |address| {
                Way::Address(SocketAddr::new(address, port))
            }),
            authority,
            label: written.into(),
            weight,
        })
    }

    /// The same server at one of the addresses of its name.
    pub(in crate::proxy) fn at(&self, address: SocketAddr) -> Self {
        Self {
            way: Way::Address(address),
            label: format!("{} ({})", self.label, address.ip()).into(),
            ..self.clone()
        }
    }

    /// The name and the port, when there is a name that may change its addresses.
    ///
    /// `localhost` does not, and servers often listen on only one of its two addresses; both are tried for each
    /// connection.
    pub(in crate::proxy) fn name(&self) -> Option<(&str, u16)> {
        let Way::Name(_) = self.way else {
            return None;
        };
        let host = self.authority.host();
        (host != "localhost").then_some((host, self.authority.port_u16()?))
    }

    /// The server's share of the requests.
    pub(in crate::proxy) fn weight(&self) -> u32 {
        self.weight
    }
}

fn parse(authority: &str) -> Option<(Authority, Uri)> {
    let authority = Authority::try_from(authority).ok()?;
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority.clone());
    parts.path_and_query = Some(PathAndQuery::from_static("/"));
    Some((authority, Uri::from_parts(parts).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(host: &str) -> Option<Place> {
        let address = EndpointAddress::Tcp {
            host: host.to_owned(),
            port: 80,
        };
        Place::new(&model::Endpoint { address, weight: 1 })
    }

    #[test]
    fn names_that_are_looked_up() {
        let name = |host| {
            place(host)?
                .name()
                .map(|(name, port)| (name.to_owned(), port))
        };
        assert_eq!(name("api.internal"), Some(("api.internal".to_owned(), 80)));
        for host in ["127.0.0.1", "::1", "localhost", "not a host"] {
            assert_eq!(name(host), None, "{host}");
        }
    }

    #[test]
    fn no_host_is_no_panic() {
        assert!(place("not a host").is_none());
    }
}
