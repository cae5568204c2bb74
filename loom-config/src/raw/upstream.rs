//! `upstreams`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, OneOrMany, PercentText, UpstreamTls};
use crate::limits;

/// Where requests go: either servers or something built in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upstream {
    /// Its name, by which routes refer to it.
    #[schemars(required, title = "a name")]
    #[schemars(extend("examples" = ["backend"]))]
    pub(crate) name: Option<String>,
    /// Servers. A name is one server for each of its addresses. Default: none; an upstream has this or `builtin`.
    #[schemars(extend("examples" = [["10.0.0.1:3000", "10.0.0.2:3000"]]))]
    pub(crate) endpoints: Option<OneOrMany<EndpointEntry>>,
    /// Something built in that answers instead of servers. Default: none.
    pub(crate) builtin: Option<Builtin>,
    /// How a server is chosen for a request. Default: round_robin.
    #[schemars(extend("default" = "round_robin"))]
    #[schemars(extend("examples" = ["least_request"]))]
    pub(crate) load_balancer: Option<LoadBalancerEntry>,
    /// How often the addresses of servers with names are looked up, from 1s to 24h. Default: 30s.
    #[schemars(extend("default" = "30s"))]
    #[schemars(extend("examples" = ["5s"]))]
    pub(crate) resolve_interval: Option<DurationText>,
    /// How its servers are asked whether they are well. `{}` is enough. Default: they are not asked.
    #[schemars(extend("examples" = [{"http": {"path": "/healthz"}}]))]
    pub(crate) health_check: Option<HealthCheck>,
    /// When a server that fails requests is left out for a while. `{}` is enough. Default: never.
    #[schemars(extend("examples" = [{"consecutive_errors": 3}]))]
    pub(crate) outlier_detection: Option<OutlierDetection>,
    /// When fewer than this part of the servers may be used, all are. With `0%`, a request for which there is none is
    /// answered with 503. Default: 10%.
    #[schemars(extend("default" = "10%"))]
    #[schemars(extend("examples" = ["0%"]))]
    pub(crate) panic_threshold: Option<PercentText>,
    /// What its servers are spoken to in. Default: http1.
    #[schemars(extend("default" = "http1"))]
    pub(crate) protocol: Option<Protocol>,
    /// How its servers prove who they are. Default: nothing is encrypted.
    pub(crate) tls: Option<UpstreamTls>,
    /// What it takes at the most. Default: no limit.
    #[schemars(extend("examples" = [{"connections": 500, "pending": 100}]))]
    pub(crate) limits: Option<UpstreamLimits>,
    /// Times of its connections. Default: what its keys say.
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
    #[schemars(extend("examples" = [3]))]
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
    /// What of a request decides, with `consistent_hash`: the first of them that it has. Default: none;
    /// `consistent_hash` needs it.
    #[schemars(extend("examples" = [[{"cookie": "session"}, "ip"]]))]
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
    /// The name of a header. Default: none; a part has one of `header`, `cookie` and `query`.
    #[schemars(extend("examples" = ["x-user"]))]
    pub(crate) header: Option<String>,
    /// The name of a cookie. Default: none.
    #[schemars(extend("examples" = ["session"]))]
    pub(crate) cookie: Option<String>,
    /// The name of a parameter of the query, as it is written there. Default: none.
    #[schemars(extend("examples" = ["user"]))]
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
    /// Time for a connection to be made, and for a place among `limits.connections` before that, from 1ms to 1h. Two
    /// lost packets fit in 5s. Default: 5s.
    #[schemars(extend("default" = "5s"))]
    #[schemars(extend("examples" = ["1s"]))]
    pub(crate) connect: Option<DurationText>,
    /// How long an unused connection is kept, from 1ms to 24h. Keep it below the keep-alive time of the servers.
    /// Default: 30s.
    #[schemars(extend("default" = "30s"))]
    #[schemars(extend("examples" = ["10s"]))]
    pub(crate) idle: Option<DurationText>,
    /// Time from sending a request to the head of its response, each time it is sent, from 1ms to 24h. Then it is
    /// answered with 504. Default: no limit.
    #[schemars(extend("examples" = ["2s"]))]
    pub(crate) per_try: Option<DurationText>,
}

/// How servers are asked whether they are well: whether a connection can be made, or what they answer.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealthCheck {
    /// A GET request whose answer decides. Default: none; without `grpc` a connection that can be made is enough.
    pub(crate) http: Option<HttpCheck>,
    /// A call of gRPC's health protocol, `grpc.health.v1.Health/Check`, whose answer decides; for an upstream with
    /// `protocol: http2`. `{}` asks about the server as a whole. Default: none; without `http` a connection that can be
    /// made is enough.
    #[schemars(extend("examples" = [{"service": "example.Greeter"}]))]
    pub(crate) grpc: Option<GrpcCheck>,
    /// Time between two checks of a server, give or take a tenth, from 100ms to 1h. Default: 10s.
    #[schemars(extend("default" = "10s"))]
    #[schemars(extend("examples" = ["5s"]))]
    pub(crate) interval: Option<DurationText>,
    /// Time that a check may take, from 1ms to 1m. Default: 2s.
    #[schemars(extend("default" = "2s"))]
    #[schemars(extend("examples" = ["1s"]))]
    pub(crate) timeout: Option<DurationText>,
    /// Checks in a row that have to succeed before a server is used again. Default: 2.
    #[schemars(range(min = *limits::THRESHOLDS.start(), max = *limits::THRESHOLDS.end()), extend("default" = 2))]
    #[schemars(extend("examples" = [1]))]
    pub(crate) healthy_threshold: Option<u32>,
    /// Checks in a row that have to fail before a server is left out. Default: 3.
    #[schemars(range(min = *limits::THRESHOLDS.start(), max = *limits::THRESHOLDS.end()), extend("default" = 3))]
    #[schemars(extend("examples" = [5]))]
    pub(crate) unhealthy_threshold: Option<u32>,
}

/// A request whose answer tells whether a server is well.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpCheck {
    /// The path that is asked for, with a query if need be.
    #[schemars(required, title = "a path such as /healthz")]
    #[schemars(extend("examples" = ["/healthz"]))]
    pub(crate) path: Option<String>,
    /// The statuses of a server that is well. Default: 200 to 299.
    pub(crate) statuses: Option<OneOrMany<Status>>,
}

/// A call whose answer tells whether a server is well.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrpcCheck {
    /// The service that is asked about, by the name under which the server tells of it. Default: none; the server as a
    /// whole.
    #[schemars(extend("examples" = ["example.Greeter"]))]
    pub(crate) service: Option<String>,
    /// What the server sees as the call's `:authority`. Default: the address of the server.
    #[schemars(title = "a host such as example.com or example.com:8443")]
    #[schemars(extend("examples" = ["greeter.internal"]))]
    pub(crate) authority: Option<String>,
}

/// The status of a response.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(title = "a status from 200 to 599")]
#[schemars(extend("minimum" = 200, "maximum" = 599, "examples" = [200, 204]))]
pub(crate) struct Status(pub(crate) u16);

/// When a server that fails requests is left out for a while.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutlierDetection {
    /// Requests in a row that have to fail: with a status from 500 on, or without an answer. Default: 5.
    #[schemars(range(min = *limits::THRESHOLDS.start(), max = *limits::THRESHOLDS.end()), extend("default" = 5))]
    #[schemars(extend("examples" = [3]))]
    pub(crate) consecutive_errors: Option<u32>,
    /// How long it is left out the first time, from 100ms to 1h. Each time that it fails again it is twice as long,
    /// up to ten times. Default: 30s.
    #[schemars(extend("default" = "30s"))]
    #[schemars(extend("examples" = ["10s"]))]
    pub(crate) base_ejection: Option<DurationText>,
    /// How many of the servers may be left out that way at the same time, rounded down. Default: 50%.
    #[schemars(extend("default" = "50%"))]
    #[schemars(extend("examples" = ["20%"]))]
    pub(crate) max_ejected: Option<PercentText>,
}

/// What servers are spoken to in.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: by ALPN with `tls`, else by prior knowledge.
    Http2,
}

/// What an upstream takes at the most.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamLimits {
    /// Connections in use at the same time, over all of its servers: requests that are under way.
    #[schemars(required, range(min = *limits::CONNECTIONS_RANGE.start(), max = *limits::CONNECTIONS_RANGE.end()))]
    #[schemars(extend("examples" = [500]))]
    pub(crate) connections: Option<usize>,
    /// Requests that wait for a connection, for at most `timeouts.connect`; more are answered with 503 at once.
    /// Default: 1000.
    #[schemars(range(min = *limits::PENDING_RANGE.start(), max = *limits::PENDING_RANGE.end()), extend("default" = 1000))]
    #[schemars(extend("examples" = [100]))]
    pub(crate) pending: Option<usize>,
}
