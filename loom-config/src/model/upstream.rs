//! Where requests go.

use std::path::PathBuf;
use std::time::Duration;

/// Where requests go.
#[derive(Debug, Clone, PartialEq)]
pub struct Upstream {
    /// Its name, by which routes refer to it.
    pub name: String,
    /// What answers.
    pub target: Target,
}

/// What answers for an upstream.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// The built-in upstream that answers what it saw, as JSON.
    Echo,
    /// Servers.
    Servers(Servers),
}

/// The servers of an upstream, and how they are used.
#[derive(Debug, Clone, PartialEq)]
pub struct Servers {
    /// The servers; never empty.
    pub endpoints: Vec<Endpoint>,
    /// How one of them is chosen for a request.
    pub load_balancer: LoadBalancer,
    /// How often names are looked up.
    pub resolve_interval: Duration,
    /// Times of the connections.
    pub timeouts: UpstreamTimeouts,
}

/// One server of an upstream. A name is one server per address that it has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Where it is.
    pub address: EndpointAddress,
    /// Its share of the requests, beside the weights of the others; never 0.
    pub weight: u32,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EndpointAddress {
    /// `host:port`.
    Tcp {
        /// A name, an IPv4 address, or an IPv6 address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// How a server is chosen for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadBalancer {
    /// In turn, by weight.
    RoundRobin,
    /// By chance and weight.
    Random,
    /// Of two that chance picked by weight, the one with fewer requests under way.
    LeastRequest,
    /// The same one for the same value of the first of these parts that a request has; by chance when it has none.
    ConsistentHash(Vec<HashOn>),
}

/// A part of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashOn {
    /// A header of this name, in lower case.
    Header(String),
    /// A cookie of this name.
    Cookie(String),
    /// A parameter of the query, of this name.
    Query(String),
    /// The client's address.
    Ip,
}

/// Times of the connections to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamTimeouts {
    /// For a connection to be made.
    pub connect: Duration,
    /// How long an unused connection is kept.
    pub idle: Duration,
}
