//! Where requests go.

use std::path::PathBuf;
use std::time::Duration;

use super::UpstreamTls;

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
    Servers(Box<Servers>),
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
    /// How they are asked whether they are well.
    pub health_check: Option<HealthCheck>,
    /// When one that fails requests is left out for a while.
    pub outlier_detection: Option<OutlierDetection>,
    /// All are used when fewer than this part of them may be, in hundredths.
    pub panic_threshold: u8,
    /// What they are spoken to in.
    pub protocol: Protocol,
    /// How they prove who they are; `None`: nothing is encrypted.
    pub tls: Option<UpstreamTls>,
    /// What they take at the most, all together.
    pub limits: Option<UpstreamLimits>,
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
    /// From sending a request to the head of its response, each time it is sent; `None` means no limit.
    pub per_try: Option<Duration>,
}

/// How servers are asked whether they are well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What decides.
    pub probe: Probe,
    /// Time between two checks of a server.
    pub interval: Duration,
    /// Time that a check may take.
    pub timeout: Duration,
    /// Checks in a row that have to succeed before a server is used again; never 0.
    pub healthy_threshold: u32,
    /// Checks in a row that have to fail before a server is left out; never 0.
    pub unhealthy_threshold: u32,
}

/// What tells whether a server is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// A connection that can be made.
    Connection,
    /// The answer to a request.
    Http(HttpCheck),
    /// The answer to a call of gRPC's health protocol. The servers are spoken to in HTTP/2.
    Grpc(GrpcCheck),
}

/// A request whose answer tells whether a server is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCheck {
    /// A path, with a query if need be.
    pub path: String,
    /// The statuses of a server that is well; empty means 200 to 299.
    pub statuses: Vec<u16>,
}

/// A call whose answer tells whether a server is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrpcCheck {
    /// The service that is asked about; empty means the server as a whole.
    pub service: String,
    /// The call's `:authority`; `None` means the address of the server.
    pub authority: Option<String>,
}

/// When a server that fails requests is left out for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutlierDetection {
    /// Requests in a row that have to fail; never 0.
    pub consecutive_errors: u32,
    /// How long it is left out the first time.
    pub base_ejection: Duration,
    /// How many of the servers may be left out at the same time, in hundredths.
    pub max_ejected: u8,
}

/// What servers are spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: by ALPN with TLS, else by prior knowledge.
    Http2,
}

/// What an upstream takes at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamLimits {
    /// Requests that are under way.
    pub connections: usize,
    /// Requests that wait.
    pub pending: usize,
}
