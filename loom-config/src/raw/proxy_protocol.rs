//! `listeners[].proxy_protocol`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, NetworkText, OneOrMany};

/// Whether connections begin with a header of the PROXY protocol.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ProxyProtocolEntry {
    /// All of them, or none.
    Switch(bool),
    /// More closely.
    Full(ProxyProtocol),
}

/// Which connections begin with a header of the PROXY protocol.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProxyProtocol {
    /// The load balancers that send the header: networks such as 10.0.0.0/8, or addresses. They have to send it, and a connection
    /// of anybody else is one without it. Default: everybody sends it.
    pub(crate) from: Option<OneOrMany<NetworkText>>,
    /// Time in which the header has to be there, from 1ms to 1m. Default: 5s.
    #[schemars(extend("default" = "5s"))]
    pub(crate) timeout: Option<DurationText>,
}
