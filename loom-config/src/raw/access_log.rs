//! `access_log`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Items, LogFormat};

/// A line for each request.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessLog {
    /// How a line looks: `json` is an object, `text` is `key=value` pairs. Default: json.
    #[schemars(extend("default" = "json"))]
    pub(crate) format: Option<LogFormat>,
    /// Where lines go: `stdout`, `stderr`, or a file, relative to the configuration file. It is appended to, and made
    /// anew within a second when it is moved away. Default: stdout.
    #[schemars(extend("default" = "stdout"))]
    #[schemars(extend("examples" = ["/var/log/loom/access.log"]))]
    pub(crate) path: Option<String>,
    /// What a line tells, in this order. Default: everything but `query`, `bytes_in` and `trace_id`.
    #[schemars(extend("examples" = [["time", "method", "path", "status", "error"]]))]
    pub(crate) fields: Option<Items<AccessField>>,
}

/// One thing that a line of the access log tells.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccessField {
    /// When the request came, in UTC.
    Time,
    /// The method.
    Method,
    /// The host that was asked for.
    Host,
    /// The path as it was sent, without the query.
    Path,
    /// The query.
    Query,
    /// The status of the response.
    Status,
    /// Milliseconds from the headers of the request to the end of the response.
    DurationMs,
    /// Bytes of the request's body.
    BytesIn,
    /// Bytes of the response's body.
    BytesOut,
    /// The id of the route.
    Route,
    /// The upstream.
    Upstream,
    /// The address of the server that was asked last.
    Endpoint,
    /// How often the request was sent.
    Attempts,
    /// The plugin that answered in the place of the upstream, or that failed.
    Plugin,
    /// Why the gateway answered itself, in one word.
    Error,
    /// Whether the client got all of the response.
    Complete,
    /// The request's number.
    RequestId,
    /// The address of the client.
    Client,
    /// What the client calls itself.
    UserAgent,
    /// The number of the trace that the request belongs to, from its `traceparent`.
    TraceId,
}
