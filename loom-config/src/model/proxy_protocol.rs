//! `listeners[].proxy_protocol`

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

/// That connections begin with a header that says for whom they were made: the PROXY protocol of HAProxy, version 1 or 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyProtocol {
    /// The peers that send it, and have to; `None`: all do. Those of a Unix socket always do.
    pub from: Option<Vec<IpNet>>,
    /// Time in which the header has to be there.
    pub timeout: Duration,
}

impl ProxyProtocol {
    /// Whether connections of this peer begin with the header. `None` stands for the peer of a Unix socket.
    pub fn is_expected_of(&self, peer: Option<IpAddr>) -> bool {
        match (&self.from, peer) {
            (Some(from), Some(peer)) => {
                let peer = peer.to_canonical();
                from.iter().any(|network| network.contains(&peer))
            }
            _ => true,
        }
    }
}
