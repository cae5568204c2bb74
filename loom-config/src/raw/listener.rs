//! `listeners`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Items, ListenerLimits, ListenerTls, NetworkText, OneOrMany, PluginEntry, ProxyProtocolEntry,
};

/// A listener; its address alone will do, which is its name too.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ListenerEntry {
    /// The address alone.
    Address(Address),
    /// All of it.
    Full(Box<Listener>),
}

impl ListenerEntry {
    /// Its list of plugins.
    pub(crate) fn plugins(&self) -> Option<&Items<PluginEntry>> {
        match self {
            Self::Address(_) => None,
            Self::Full(listener) => listener.plugins.as_ref(),
        }
    }
}

/// An address to listen on.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "an address such as 0.0.0.0:8080 or \"[::]:8080\"")]
#[schemars(extend("examples" = ["0.0.0.0:8080", "127.0.0.1:8080", "[::]:8080", "unix:/run/loom.sock"]))]
pub(crate) struct Address(pub(crate) String);

/// One address that the gateway listens on, for HTTP/1.1 and HTTP/2, with TLS or without.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listener {
    /// Its name in logs and in the `listeners` of routes. Default: the address as it is written.
    #[schemars(title = "a name")]
    #[schemars(extend("examples" = ["web"]))]
    pub(crate) name: Option<String>,
    /// IP address and port to bind, or `unix:` and the path of a socket. `0.0.0.0` is every IPv4 address, `[::]` every
    /// address; port 0 takes a free one.
    #[schemars(required)]
    pub(crate) address: Option<Address>,
    /// Certificates, which make it a listener of HTTPS. Default: none, and nothing is encrypted.
    pub(crate) tls: Option<ListenerTls>,
    /// Whether every request is answered with the same address under `https`, and a 308: true, or a mapping that names the
    /// port. Default: false.
    #[schemars(extend("default" = false))]
    pub(crate) redirect_https: Option<RedirectHttpsEntry>,
    /// The plugins that each of its requests passes before its route is chosen, by priority and then in this order; those that
    /// no route takes, too. Default: none.
    pub(crate) plugins: Option<Items<PluginEntry>>,
    /// How the path of a request gets its one spelling, by which routes and plugins judge and which upstreams get. Default:
    /// what its keys say.
    pub(crate) normalize_path: Option<NormalizePath>,
    /// What it takes at the most. Default: what its keys say.
    pub(crate) limits: Option<ListenerLimits>,
    /// The proxies that may say who the client is: networks such as 10.0.0.0/8, or addresses. What the header `x-forwarded-for`
    /// of such a peer says is extended, and the client is the last in it that is none of these; `x-forwarded-proto` and
    /// `x-forwarded-host` are kept. Those of any other peer are replaced. Default: none.
    pub(crate) trusted_proxies: Option<OneOrMany<NetworkText>>,
    /// Whether each connection begins with a header of the PROXY protocol, version 1 or 2, as load balancers send it to say whose
    /// the connection is. True, or a mapping that says whose connections do. Default: false.
    #[schemars(extend("default" = false))]
    pub(crate) proxy_protocol: Option<ProxyProtocolEntry>,
    /// Whether other processes may listen at the same address, so that a new one can start before the old one ends.
    /// Default: false.
    #[schemars(extend("default" = false))]
    pub(crate) reuse_port: Option<bool>,
    /// The mode of a Unix socket's file, in octal digits and quotes: "0660". Default: what the process's umask leaves.
    #[schemars(title = "a mode such as \"0660\"", regex(pattern = "^0?[0-7]{3}$"))]
    #[schemars(extend("examples" = ["0660"]))]
    pub(crate) mode: Option<String>,
}

/// Whether requests are redirected to HTTPS; the switch alone will do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RedirectHttpsEntry {
    /// The switch alone.
    Switch(bool),
    /// As a mapping.
    Full(RedirectHttps),
}

/// Where requests are redirected to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedirectHttps {
    /// The port of the address that clients are sent to. Default: 443.
    #[schemars(range(min = 1, max = 65535), extend("default" = 443, "examples" = [8443]))]
    pub(crate) port: Option<u16>,
}

/// How the path of a request gets its one spelling. Percent-encoded letters, digits and `-._~` are decoded in any case, and a
/// backslash is a slash.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NormalizePath {
    /// What becomes of the segments `.` and `..`. Default: resolve.
    #[schemars(extend("default" = "resolve", "examples" = ["reject"]))]
    pub(crate) dot_segments: Option<DotSegments>,
    /// Whether several slashes in a row become one. Default: true.
    #[schemars(extend("default" = true, "examples" = [false]))]
    pub(crate) merge_slashes: Option<bool>,
    /// What becomes of `%2F` and `%5C`, percent-encoded slashes and backslashes. Default: keep.
    #[schemars(extend("default" = "keep", "examples" = ["reject"]))]
    pub(crate) escaped_slashes: Option<EscapedSlashes>,
}

/// What becomes of the segments `.` and `..`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DotSegments {
    /// They go, and `..` takes the segment before it along.
    Resolve,
    /// The request is answered with 400.
    Reject,
}

/// What becomes of percent-encoded slashes and backslashes.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EscapedSlashes {
    /// They are data inside of a segment.
    Keep,
    /// They are slashes.
    Unescape,
    /// The client is sent to the path in which they are slashes, with 307.
    Redirect,
    /// The request is answered with 400.
    Reject,
}
