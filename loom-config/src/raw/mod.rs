//! What may stand in `loom.yaml`: one type per mapping, in the words of the file.
//!
//! These types are the one source of the keys. The JSON Schema is made from them, the document is checked against that
//! schema, and what remains of the document is read into them. So every field is optional here: what is missing or
//! wrong was reported already, and the checks go on with the rest. The comments are what an editor shows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

mod access_log;
mod action;
mod admin;
mod auth;
mod listener;
mod listener_limits;
mod middleware;
mod plugin;
mod plugin_list;
mod proxy_protocol;
mod retry;
mod route;
mod shapes;
mod tls;
mod tracing;
mod upstream;

pub(crate) use access_log::{AccessField, AccessLog};
pub(crate) use action::HeaderValues as HeaderMapText;
pub(crate) use action::{
    HeaderChanges, HeaderText, HostHeader, HostWord, Redirect, RedirectEntry, RespondEntry,
    RewriteEntry, RewriteRegex, Scheme, Share,
};
pub(crate) use admin::Admin;
pub(crate) use auth::{BasicAuth, Jwt, JwtAlgorithm, TokenPlace};
pub(crate) use listener::{
    DotSegments, EscapedSlashes, ListenerEntry, NormalizePath, RedirectHttpsEntry,
};
pub(crate) use listener_limits::{Http2Limits, ListenerLimits};
pub(crate) use middleware::{
    Compression, Cors, Encoding, Middleware, NetworkText, RateKey, RateKeyWord, RateLimit, Switch,
};
pub(crate) use plugin::{FailurePolicy, HeaderValues, LogLevel, Phase, Plugin, RequestBody};
pub(crate) use plugin_list::{PluginEntry, PluginUse};
pub(crate) use proxy_protocol::ProxyProtocolEntry;
pub(crate) use retry::{Retry, RetryEvent, RetryStatus, RetryWhen};
pub(crate) use route::{FieldTest, ListenerName, MethodName, PathEntry, Route};
pub(crate) use shapes::{DurationText, Items, OneOrMany, PercentText, SizeText};
pub(crate) use tls::{
    CertificateFiles, ClientAuth, ClientAuthMode, ClientCertField, ForwardClientCert, ForwardMode,
    ListenerTls, ProtocolName, TlsVersion, UpstreamTls,
};
pub(crate) use tracing::Tracing;
pub(crate) use upstream::{
    BalancePolicy, Builtin, EndpointEntry, GrpcCheck, HashOn, HashOnEntry, HashOnWord, HealthCheck,
    HttpCheck, LoadBalancerEntry, OutlierDetection, Protocol, Status, Upstream, UpstreamLimits,
    UpstreamTimeouts,
};

use crate::limits;

/// A Loom gateway: where it listens, which plugins run, which requests go where.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "loom.yaml", extend("patternProperties" = {"^x-": true}))]
pub(crate) struct Raw {
    /// Version of the file's format: 1, the only one there is. May be left out.
    #[schemars(range(min = 1, max = 1), extend("default" = 1))]
    #[expect(dead_code, reason = "the schema's range is all that it takes")]
    #[schemars(extend("examples" = [1]))]
    pub(crate) version: Option<u64>,
    /// Files whose routes, plugins, upstreams and sets belong to this one: paths or patterns such as `routes/*.yaml`, relative
    /// to this file. Default: none.
    #[schemars(extend("examples" = [["routes/*.yaml"]]))]
    #[expect(dead_code, reason = "the files were read before")]
    pub(crate) include: Option<OneOrMany<IncludePath>>,
    /// Worker threads. Default: one per core that the process may use.
    #[schemars(range(min = *limits::WORKERS.start(), max = *limits::WORKERS.end()))]
    #[schemars(extend("examples" = [4]))]
    pub(crate) workers: Option<usize>,
    /// Where plugins that were fetched, and compiled code, are kept from one start to the next, relative to this file. Default:
    /// `loom` in the user's cache directory.
    #[schemars(title = "the path of a folder")]
    #[schemars(extend("examples" = ["/var/cache/loom"]))]
    pub(crate) cache_dir: Option<String>,
    /// Where the gateway listens. Default: one listener, `default`, on port 8080 of all addresses.
    pub(crate) listeners: Option<Items<ListenerEntry>>,
    /// The plugins that routes may name. Default: none.
    pub(crate) plugins: Option<Items<Plugin>>,
    /// Lists of plugins that routes name as a whole, by their names. An entry is what may stand in `plugins` of a
    /// route, but no other set. Default: none.
    #[schemars(extend("examples" = [{"secure": ["auth", "limit"]}]))]
    pub(crate) plugin_sets: Option<BTreeMap<String, Items<PluginEntry>>>,
    /// What holds for every route that does not say otherwise. Default: nothing.
    pub(crate) defaults: Option<Defaults>,
    /// Which requests go where. The most specific route wins, whatever the order. Default: none.
    pub(crate) routes: Option<Items<Route>>,
    /// Where requests go. Default: none.
    pub(crate) upstreams: Option<Items<Upstream>>,
    /// A line for each request. Default: none.
    pub(crate) access_log: Option<AccessLog>,
    /// Where spans of requests are sent, for OpenTelemetry. Default: nowhere, and none are made.
    pub(crate) tracing: Option<Tracing>,
    /// Where the gateway tells about itself. Default: nowhere.
    pub(crate) admin: Option<Admin>,
    /// Whether a response that the gateway makes because something failed has the header `x-loom-error`, with the cause in
    /// one word. Default: true.
    #[schemars(extend("default" = true))]
    pub(crate) error_header: Option<bool>,
    /// Logging of the process itself. Default: lines for people, from `info` on.
    pub(crate) log: Option<Log>,
    /// How a change of the files is met. Default: it is taken over.
    pub(crate) reload: Option<Reload>,
    /// How the process ends. Default: running requests get 30 seconds.
    pub(crate) shutdown: Option<Shutdown>,
}

/// A file, or a pattern that stands for several.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "a file or a pattern such as routes/*.yaml")]
#[expect(dead_code, reason = "as `include`")]
pub(crate) struct IncludePath(String);

/// What holds for every route that does not say otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Defaults {
    /// Plugins that stand before each route's own. Default: none.
    pub(crate) plugins: Option<Items<PluginEntry>>,
    /// The `timeout` of routes that have none of their own, from 1ms to 24h. Default: no limit.
    pub(crate) timeout: Option<DurationText>,
    /// The `compression` of routes that have none of their own. Default: none.
    pub(crate) compression: Option<Switch<Compression, true>>,
    /// The `ip_allow` of routes that have none of their own. Default: every address.
    pub(crate) ip_allow: Option<Switch<OneOrMany<NetworkText>>>,
    /// The `ip_deny` of routes that have none of their own. Default: none.
    pub(crate) ip_deny: Option<Switch<OneOrMany<NetworkText>>>,
    /// The `cors` of routes that have none of their own. Default: none.
    pub(crate) cors: Option<Switch<Cors>>,
    /// The `rate_limit` of routes that have none of their own; each route counts for itself. Default: none.
    pub(crate) rate_limit: Option<Switch<RateLimit>>,
    /// The `basic_auth` of routes that have none of their own. Default: none.
    pub(crate) basic_auth: Option<Switch<BasicAuth>>,
    /// The `jwt` of routes that have none of their own. Default: none.
    pub(crate) jwt: Option<Switch<Jwt>>,
    /// The `max_body` of routes that have none of their own, up to 1024GiB. Default: no limit.
    pub(crate) max_body: Option<Switch<SizeText>>,
    /// The `idle_timeout` of routes that have none of their own, from 1ms to 24h. Default: no limit.
    pub(crate) idle_timeout: Option<DurationText>,
    /// The `retry` of routes to upstreams that have none of their own. Default: never.
    pub(crate) retry: Option<Retry>,
    /// The `host_header` of routes to upstreams that have none of their own. Default: preserve.
    #[schemars(extend("default" = "preserve"))]
    pub(crate) host_header: Option<HostHeader>,
    /// The `request_headers` of routes to upstreams that have none of their own. Default: nothing is changed.
    pub(crate) request_headers: Option<HeaderChanges>,
    /// The `response_headers` of routes that have none of their own. Default: nothing is changed.
    pub(crate) response_headers: Option<HeaderChanges>,
}

/// Logging of the process itself.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// What is logged at the least. `-log-level` on the command line wins over it. Default: info.
    #[schemars(extend("default" = "info"))]
    pub(crate) level: Option<LogLevel>,
    /// How a line looks. Default: text.
    #[schemars(extend("default" = "text"))]
    pub(crate) format: Option<LogFormat>,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How a change of the files is met.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reload {
    /// Whether this file, those that it takes values from and the files of plugins are watched, and a change of one is
    /// taken over at once. SIGHUP does it in any case. Default: true.
    #[schemars(extend("default" = true))]
    pub(crate) watch: Option<bool>,
}

/// How the process ends.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shutdown {
    /// How long running requests get to finish after SIGTERM or SIGINT, from 0s to 1h. Default: 30s.
    #[schemars(extend("default" = "30s"))]
    pub(crate) drain_timeout: Option<DurationText>,
    /// How long the gateway goes on accepting after the signal, so that load balancers see first that it is not ready
    /// any more, from 0s to 1h. It comes before `drain_timeout`. Default: 0s.
    #[schemars(extend("default" = "0s"))]
    pub(crate) delay: Option<DurationText>,
}
