//! The checked configuration: what `loom.yaml` means, with every default filled in and every name resolved.
//!
//! Plain data. Nothing here knows YAML, serde or where a value came from, and a [`Config`] that exists is one that can
//! be run: names refer to something, sizes and durations are in range, paths are absolute or relative to the process.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::limits;
pub use crate::{document::Document, error::Fault, include::IncludePattern, secret::Secret};

mod access_log;
mod action;
mod auth;
mod listener_limits;
mod middleware;
mod normalize;
mod pattern;
mod plugin_source;
mod proxy_protocol;
mod retry;
mod route;
mod tls;
mod tracing;
mod upstream;

pub use access_log::{AccessField, AccessLog, AccessLogPath};
pub use action::{
    Action, Changes, HeaderChanges, HostChange, PathChange, Piece, Redirect, Respond, Share,
    Template,
};
pub use auth::{BasicAuth, Jwt, JwtKey, TokenPlace};
pub use listener_limits::{BodyPace, Http2Limits, ListenerLimits};
pub use middleware::{Compression, Cors, Middleware, Origin, RateKey, RateLimit};
pub use normalize::{DotSegments, EscapedSlashes, NormalizePath};
pub use pattern::Pattern;
pub use plugin_source::{NoSha256, PluginSource, PluginUrl, Sha256};
pub use proxy_protocol::ProxyProtocol;
pub use retry::Retry;
pub use route::{
    HostMatch, PathMatch, PathTemplate, PluginOverrides, PluginUse, Predicate, Route, Segment, Test,
};
pub use tls::{ClientAuth, ClientCertField, Identity, ListenerTls, TlsVersion, UpstreamTls};
pub use tracing::Tracing;
pub use upstream::{
    Endpoint, EndpointAddress, GrpcCheck, HashOn, HealthCheck, HttpCheck, LoadBalancer,
    OutlierDetection, Probe, Protocol, Servers, Target, Upstream, UpstreamLimits, UpstreamTimeouts,
};

/// A whole `loom.yaml`, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What was read for it: the file itself first, then those that its values come from.
    pub files: Vec<PathBuf>,
    /// The files among them that the file itself includes, in the order in which they were read.
    pub included: Vec<PathBuf>,
    /// The patterns by which files are included: another file that comes to fit one belongs to the configuration.
    pub include: Vec<IncludePattern>,
    /// What is allowed and still worth a word, such as a certificate that has expired.
    pub warnings: Vec<Fault>,
    /// Worker threads; `None` means one per available core.
    pub workers: Option<usize>,
    /// Where what was fetched or compiled is kept; `None`: in the user's cache directory.
    pub cache_dir: Option<PathBuf>,
    /// Where the gateway listens. Never empty: without a `listeners` section there is [`Listener::default`].
    pub listeners: Vec<Listener>,
    /// The plugins, in the order of the file.
    pub plugins: Vec<Plugin>,
    /// The routes, in the order of the file.
    pub routes: Vec<Route>,
    /// The upstreams, in the order of the file.
    pub upstreams: Vec<Upstream>,
    /// A line for each request; `None`: there is none.
    pub access_log: Option<AccessLog>,
    /// Where spans of requests are sent; `None`: none are made.
    pub tracing: Option<Tracing>,
    /// Where the gateway tells about itself; `None`: nowhere.
    pub admin: Option<Admin>,
    /// Whether responses that the gateway makes say in a header what failed.
    pub error_header: bool,
    /// Logging of the process itself.
    pub log: Log,
    /// How a change of the files is met.
    pub reload: Reload,
    /// How the process ends.
    pub shutdown: Shutdown,
    /// The file as it was understood, for people to look at.
    pub document: Document,
}

/// One address that the gateway listens on.
#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    /// Its name in logs and in `routes[].listeners`.
    pub name: String,
    /// The address to bind.
    pub address: Address,
    /// Its certificates; `None`: it is not encrypted.
    pub tls: Option<ListenerTls>,
    /// The port of HTTPS that every request is redirected to; `None`: they are served.
    pub redirect_https: Option<u16>,
    /// What one listener takes at the most.
    pub limits: ListenerLimits,
    /// The proxies whose word counts for who the client is.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether connections begin with a header that says whose they are; `None`: they do not.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// The plugins that a request passes before its route is chosen, in the order in which it passes them.
    pub plugins: Vec<PluginUse>,
    /// How the path of a request gets its one spelling.
    pub normalize_path: NormalizePath,
    /// Whether other processes may listen at the same IP address and port.
    pub reuse_port: bool,
    /// The mode of the file of a Unix socket; `None` leaves it to the process's umask.
    pub mode: Option<u32>,
}

/// Where a listener listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// An IP address and a port; with port 0 any that is free.
    Ip(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Address {
    /// The IP address and port; `None` for a Unix socket.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// Whether every use of it is another one.
    pub fn is_any_port(&self) -> bool {
        matches!(self, Self::Ip(address) if address.port() == 0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The listener that exists when the file names none: `default`, on port 8080 of all IPv4 addresses.
impl Default for Listener {
    fn default() -> Self {
        let (address, port) = limits::LISTENER_ADDRESS;
        Self {
            name: limits::LISTENER_NAME.to_owned(),
            address: Address::Ip(SocketAddr::new(IpAddr::from(address), port)),
            tls: None,
            redirect_https: None,
            limits: ListenerLimits::default(),
            trusted_proxies: Vec::new(),
            proxy_protocol: None,
            plugins: Vec::new(),
            normalize_path: NormalizePath::default(),
            reuse_port: false,
            mode: None,
        }
    }
}

/// One configured plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct Plugin {
    /// Its name, by which routes refer to it.
    pub name: String,
    /// Where its code comes from.
    pub source: PluginSource,
    /// The first phase that it takes part in.
    pub phase: Phase,
    /// Higher runs earlier on the request and later on the response.
    pub priority: i32,
    /// Linear memory of one VM, in bytes; `None` means the host's default.
    pub memory_limit: Option<u64>,
    /// Time of one call into the plugin; `None` means the host's default.
    pub timeout: Option<Duration>,
    /// Time of each step of the plugin's start; `None` means the host's default.
    pub start_timeout: Option<Duration>,
    /// How long the plugin may hold a request or response; `None` means the host's default.
    pub pause_timeout: Option<Duration>,
    /// How much of a body the plugin may hold, each way, in bytes; `None` means the host's default.
    pub max_buffered_body: Option<u64>,
    /// How many VMs run the plugin; `None` means one per worker.
    pub instances: Option<usize>,
    /// The plugin's own level; `None` means the level of the process.
    pub log_level: Option<LogLevel>,
    /// What `proxy_on_configure` gets; `None` means an empty buffer.
    pub config: Option<Arc<[u8]>>,
    /// What happens to a request when the plugin fails.
    pub failure_policy: FailurePolicy,
    /// When the upstream gets a request with a body that the plugin looks at.
    pub request_body: RequestBody,
    /// Whether the plugin gets the body while it holds the headers.
    pub allow_on_headers_stop_iteration: bool,
    /// What becomes of header values that are not UTF-8.
    pub header_values: HeaderValues,
    /// Whether a file that imports unknown functions is refused.
    pub strict_imports: bool,
    /// Whether it runs without a route; it is then on none.
    pub service: bool,
    /// The property `plugin_root_id`.
    pub root_id: String,
    /// Whose data and queues it shares, and whose VMs if they fit; `None` means its own, by its name.
    pub vm_id: Option<String>,
    /// What `proxy_on_vm_start` gets; `None` means an empty buffer.
    pub vm_configuration: Option<Arc<[u8]>>,
    /// The environment variables that its VM reads.
    pub env: BTreeMap<String, String>,
}

/// The first phase that a plugin takes part in; callbacks of earlier phases are skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Everything: the default.
    RequestHeaders,
    /// From the request's body on.
    RequestBody,
    /// From the response's headers on.
    ResponseHeaders,
    /// From the response's body on.
    ResponseBody,
    /// Only `proxy_on_log`.
    Log,
}

/// What happens to a request when a plugin that it meets fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailurePolicy {
    /// The request is answered with 503.
    Closed,
    /// The request goes on as if the plugin were absent.
    Open,
}

/// What becomes of header values that are not UTF-8 when a plugin would see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderValues {
    /// It reads them as they are.
    Bytes,
    /// It reads U+FFFD in the place of what is no UTF-8.
    Lossy,
    /// A request with one is answered with 400, a response with one becomes a 502.
    Reject,
}

/// When the upstream gets a request with a body that a plugin looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestBody {
    /// At once; the body follows as the plugin lets it go.
    Streaming,
    /// Once the body ended or the plugin let some of it go.
    BeforeInner,
}

/// A level of severity, of the process or of one plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// What helps to find a fault.
    Debug,
    /// The life cycle.
    Info,
    /// Something works, but less well than it should.
    Warn,
    /// An operator has to act.
    Error,
}

/// Where the gateway tells about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// The address to bind.
    pub address: SocketAddr,
    /// What a request has to bear; always there when others than this machine can reach the address.
    pub token: Option<Secret>,
}

/// Logging of the process itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// What is logged at the least.
    pub level: LogLevel,
    /// How a line looks.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            format: LogFormat::Text,
        }
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How a change of the files is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reload {
    /// Whether files are watched, so that a change of one is a reload.
    pub watch: bool,
}

impl Default for Reload {
    fn default() -> Self {
        Self { watch: true }
    }
}

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shutdown {
    /// How long running requests get to finish.
    pub drain_timeout: Duration,
    /// How long the gateway goes on as before, but for its readiness, until it stops accepting.
    pub delay: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            drain_timeout: limits::DRAIN_TIMEOUT,
            delay: Duration::ZERO,
        }
    }
}
