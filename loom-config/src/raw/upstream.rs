//! `upstreams`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, OneOrMany};
use crate::limits;

/// Where requests go: either servers or something built in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upstream {
    /// Its name, by which routes refer to it.
    #[schemars(required, title = "a name")]
    pub(crate) name: Option<String>,
    /// HTTP/1.1 servers.
    pub(crate) endpoints: Option<OneOrMany<EndpointEntry>>,
    /// Something built in that answers instead of servers.
    pub(crate) builtin: Option<Builtin>,
    /// How a server is chosen for a request. Default: round_robin.
    #[schemars(extend("default" = "round_robin"))]
    pub(crate) load_balancer: Option<LoadBalancerEntry>,
    /// How often the addresses of servers with names are looked up, from 1s to 24h. Default: 30s.
    #[schemars(extend("default" = "30s"))]
    pub(crate) resolve_interval: Option<DurationText>,
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

/// The address of a server: a host name or IP address and a port, or a Unix socket.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "a server such as 127.0.0.1:3000, api.internal:80 or unix:/run/app.sock")]
#[schemars(extend("examples" = ["127.0.0.1:3000", "api.internal:80", "[::1]:3000", "unix:/run/app.sock"]))]
pub(crate) struct Endpoint(pub(crate) String);

/// One server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointFull {
    /// Host name or IP address and port, or `unix:` and the path of a socket.
    #[schemars(required)]
    pub(crate) address: Option<Endpoint>,
    /// Its share of the requests, beside the weights of the others. Default: 1.
    #[schemars(range(min = *limits::WEIGHTS.start(), max = *limits::WEIGHTS.end()), extend("default" = 1))]
    pub(crate) weight: Option<u32>,
}

/// How a server is chosen; the policy alone will do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum LoadBalancerEntry {
    /// The policy alone.
    Policy(BalancePolicy),
    /// As a mapping.
    Full(LoadBalancer),
}

/// How a server is chosen.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadBalancer {
    /// The policy. Default: round_robin.
    #[schemars(extend("default" = "round_robin"))]
    pub(crate) policy: Option<BalancePolicy>,
    /// What of a request decides, with `consistent_hash`: the first of them that it has.
    pub(crate) hash_on: Option<OneOrMany<HashOnEntry>>,
}

/// A policy by which servers are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BalancePolicy {
    /// In turn, by weight.
    RoundRobin,
    /// By chance and weight.
    Random,
    /// Of two that chance picked, the one with fewer requests under way.
    LeastRequest,
    /// The same one for the same value of `hash_on`.
    ConsistentHash,
}

/// A part of a request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum HashOnEntry {
    /// A part that needs no name.
    Word(HashOnWord),
    /// A part by its name.
    Named(HashOn),
}

/// A part of a request that needs no name.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HashOnWord {
    /// The client's address.
    Ip,
}

/// A part of a request, by its name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HashOn {
    /// The name of a header.
    pub(crate) header: Option<String>,
    /// The name of a cookie.
    pub(crate) cookie: Option<String>,
    /// The name of a parameter of the query.
    pub(crate) query: Option<String>,
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
