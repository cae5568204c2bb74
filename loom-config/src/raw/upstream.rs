//! `upstreams`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, OneOrMany};

/// Where requests go: either servers or something built in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upstream {
    /// Its name, by which routes refer to it.
    #[schemars(required, title = "a name")]
    pub(crate) name: Option<String>,
    /// HTTP/1.1 servers, used in turn.
    pub(crate) endpoints: Option<OneOrMany<EndpointEntry>>,
    /// Something built in that answers instead of servers.
    pub(crate) builtin: Option<Builtin>,
    /// Times of its connections.
    pub(crate) timeouts: Option<UpstreamTimeouts>,
}

/// One server; its address alone will do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum EndpointEntry {
    /// The address alone.
    Address(Endpoint),
    /// As a mapping.
    Full(EndpointFull),
}

/// The address of a server: a host name or IP address, and a port.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "a server such as 127.0.0.1:3000 or api.internal:80")]
#[schemars(extend("examples" = ["127.0.0.1:3000", "api.internal:80", "[::1]:3000"]))]
pub(crate) struct Endpoint(pub(crate) String);

/// One server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointFull {
    /// Host name or IP address, and port.
    #[schemars(required)]
    pub(crate) address: Option<Endpoint>,
}

/// Something built in that answers requests.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Builtin {
    /// Answers what it saw (method, path, headers, body) as JSON: for trying things without a server.
    Echo,
}

/// Times of the connections to an upstream.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamTimeouts {
    /// Time for a connection to be made, from 1ms to 1h. Default: 5s.
    #[schemars(extend("default" = "5s"))]
    pub(crate) connect: Option<DurationText>,
    /// How long an unused connection is kept, from 1ms to 24h; keep it below what the servers use. Default: 30s.
    #[schemars(extend("default" = "30s"))]
    pub(crate) idle: Option<DurationText>,
}
