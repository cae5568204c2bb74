//! `listeners`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, SizeText};
use crate::limits;

/// A listener; its address alone will do, which is its name too.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ListenerEntry {
    /// The address alone.
    Address(Address),
    /// All of it.
    Full(Listener),
}

/// An address to listen on.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "an address such as 0.0.0.0:8080 or \"[::]:8080\"")]
#[schemars(extend("examples" = ["0.0.0.0:8080", "127.0.0.1:8080", "[::]:8080", "unix:/run/loom.sock"]))]
pub(crate) struct Address(pub(crate) String);

/// One address that the gateway listens on, for HTTP/1.1 and HTTP/2 without TLS.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listener {
    /// Its name in logs and in the `listeners` of routes. Default: the address as it is written.
    #[schemars(title = "a name")]
    pub(crate) name: Option<String>,
    /// IP address and port to bind, or `unix:` and the path of a socket. `0.0.0.0` is every IPv4 address, `[::]` every
    /// address; port 0 takes a free one.
    #[schemars(required)]
    pub(crate) address: Option<Address>,
    /// What it takes at the most.
    pub(crate) limits: Option<ListenerLimits>,
    /// Whether other processes may listen at the same address, so that a new one can start before the old one ends.
    /// Default: false.
    #[schemars(extend("default" = false))]
    pub(crate) reuse_port: Option<bool>,
    /// The mode of a Unix socket's file, in octal digits and quotes: "0660". Default: what the process's umask leaves.
    #[schemars(title = "a mode such as \"0660\"", regex(pattern = "^0?[0-7]{3}$"))]
    pub(crate) mode: Option<String>,
}

/// What one listener takes at the most.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerLimits {
    /// Open connections; further ones wait to be accepted. Default: 10000.
    #[schemars(range(min = *limits::CONNECTIONS_RANGE.start(), max = *limits::CONNECTIONS_RANGE.end()))]
    #[schemars(extend("default" = limits::CONNECTIONS))]
    pub(crate) connections: Option<usize>,
    /// Time in which the headers of a request have to be complete, from 1ms to 1h. Default: 10s.
    #[schemars(extend("default" = "10s"))]
    pub(crate) header_timeout: Option<DurationText>,
    /// Size of the headers of a request, from 8KiB to 16MiB. Default: 64KiB.
    #[schemars(extend("default" = "64KiB"))]
    pub(crate) header_bytes: Option<SizeText>,
}
