//! `plugins`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{DurationText, SizeText};
use crate::limits;

/// One Proxy-Wasm plugin: its file, its limits, its own configuration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plugin {
    /// Its name, by which routes refer to it.
    #[schemars(required, title = "a name")]
    pub(crate) name: Option<String>,
    /// The `.wasm` file, relative to this file.
    #[schemars(required, title = "the path of a `.wasm` file")]
    pub(crate) path: Option<String>,
    /// The first phase that it takes part in; callbacks of earlier phases are not made. Default: on_request_headers.
    #[schemars(extend("default" = "on_request_headers"))]
    pub(crate) phase: Option<Phase>,
    /// Plugins with a higher one run earlier on the request and later on the response. Default: 0.
    #[schemars(range(min = i32::MIN, max = i32::MAX), extend("default" = 0))]
    pub(crate) priority: Option<i32>,
    /// Memory of one VM, from 64KiB to 4GiB. A VM serves many requests at once. Default: 256MiB.
    pub(crate) memory_limit: Option<SizeText>,
    /// Time for one call into the plugin, from 1ms to 1m; waiting for an answer does not count. Default: 100ms.
    pub(crate) timeout: Option<DurationText>,
    /// Time for each step of the plugin's start, its configuration included, from 1ms to 1h. Default: 10s.
    pub(crate) start_timeout: Option<DurationText>,
    /// How long the plugin may hold a request or response before it is answered with 504, from 1ms to 1h. Default: 60s.
    pub(crate) pause_timeout: Option<DurationText>,
    /// How much of a body the plugin may hold, each way, from 1KiB to 1GiB. Beyond it: 413 for a request. Default: 1MiB.
    pub(crate) max_buffered_body: Option<SizeText>,
    /// How many VMs run the plugin; 1 keeps one state for all requests. Default: one per worker.
    #[schemars(range(min = *limits::INSTANCES.start(), max = *limits::INSTANCES.end()))]
    pub(crate) instances: Option<usize>,
    /// What the plugin logs at the least, whatever the level of the process. Default: the level of the process.
    pub(crate) log_level: Option<LogLevel>,
    /// What happens to a request when the plugin fails. Default: closed.
    #[schemars(extend("default" = "closed"))]
    pub(crate) failure_policy: Option<FailurePolicy>,
    /// When the upstream gets a request with a body that the plugin looks at. Default: streaming.
    #[schemars(extend("default" = "streaming"))]
    pub(crate) request_body: Option<RequestBody>,
    /// Whether the plugin gets the body while it holds the headers, to decide on them by it. Default: false.
    #[schemars(extend("default" = false))]
    pub(crate) allow_on_headers_stop_iteration: Option<bool>,
    /// What becomes of header values that are not UTF-8 when the plugin would see them. Default: bytes.
    #[schemars(extend("default" = "bytes"))]
    pub(crate) header_values: Option<HeaderValues>,
    /// Whether a file that imports functions which Loom does not have is refused. Default: false.
    #[schemars(extend("default" = false))]
    pub(crate) strict_imports: Option<bool>,
    /// Whether the plugin runs without a route, for its ticks, queues and calls, in one VM. Default: false.
    #[schemars(extend("default" = false))]
    pub(crate) service: Option<bool>,
    /// What the plugin is configured with. A mapping or list reaches it as JSON, text as it is. Default: nothing.
    pub(crate) config: Option<Value>,
    /// Which plugin is meant, for a file with several: the plugin reads it as `plugin_root_id`. Default: empty.
    pub(crate) root_id: Option<String>,
    /// Plugins with the same one share data and queues; with the same file and limits also their VMs. Default: the name.
    pub(crate) vm_id: Option<String>,
    /// What the plugin's VM is started with, in the forms of `config`. Default: nothing.
    pub(crate) vm_configuration: Option<Value>,
    /// The environment variables that the plugin's VM reads. Those of the process are not among them. Default: none.
    pub(crate) env: Option<BTreeMap<String, String>>,
}

/// The first phase that a plugin takes part in.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(crate) enum Phase {
    /// All of a request.
    #[serde(rename = "on_request_headers")]
    RequestHeaders,
    /// From the request's body on.
    #[serde(rename = "on_request_body")]
    RequestBody,
    /// From the response's headers on.
    #[serde(rename = "on_response_headers")]
    ResponseHeaders,
    /// From the response's body on.
    #[serde(rename = "on_response_body")]
    ResponseBody,
    /// Only the end of a request.
    #[serde(rename = "on_log")]
    Log,
}

/// A level of severity.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogLevel {
    /// Everything.
    Trace,
    /// What helps to find a fault.
    Debug,
    /// The life cycle.
    Info,
    /// What works less well than it should.
    Warn,
    /// What needs an operator.
    Error,
}

/// What happens to a request when a plugin fails.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailurePolicy {
    /// It is answered with 503.
    Closed,
    /// It goes on as if the plugin were absent.
    Open,
}

/// What becomes of header values that are not UTF-8.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HeaderValues {
    /// The plugin reads them as they are.
    Bytes,
    /// The plugin reads U+FFFD in the place of what is no UTF-8.
    Lossy,
    /// A request with one is answered with 400, a response with one becomes a 502.
    Reject,
}

/// When the upstream gets a request with a body that a plugin looks at.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestBody {
    /// At once; the body follows as the plugin lets it go.
    Streaming,
    /// Once the body ended or the plugin let some of it go.
    BeforeInner,
}
