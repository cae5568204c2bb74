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
    #[schemars(extend("examples" = ["add-header"]))]
    pub(crate) name: Option<String>,
    /// The `.wasm` file, relative to the file in which it is written. Default: none; a plugin has this or `url`.
    #[schemars(title = "the path of a `.wasm` file")]
    #[schemars(extend("examples" = ["plugins/add_header.wasm"]))]
    pub(crate) path: Option<String>,
    /// Where the `.wasm` file is fetched from, by HTTP or HTTPS; `sha256` says what it has to be. Default: none; a plugin has this
    /// or `path`.
    #[schemars(title = "a URL such as https://example.com/plugin.wasm")]
    #[schemars(extend("examples" = ["https://example.com/plugin.wasm"]))]
    pub(crate) url: Option<String>,
    /// The SHA-256 that the file has to have, in hexadecimal digits. Default: of a file with a `path`, any.
    #[schemars(
        title = "a SHA-256 in 64 hexadecimal digits",
        regex(pattern = "^[0-9a-fA-F]{64}$"),
        extend("examples" = ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
    )]
    pub(crate) sha256: Option<String>,
    /// Time for the file to be fetched, repetitions included, from 1ms to 1h. Default: 30s.
    #[schemars(extend("default" = "30s", "examples" = ["10s"]))]
    pub(crate) fetch_timeout: Option<DurationText>,
    /// The first phase that it takes part in; callbacks of earlier phases are not made. Default: on_request_headers.
    #[schemars(extend("default" = "on_request_headers"))]
    pub(crate) phase: Option<Phase>,
    /// Plugins with a higher one run earlier on the request and later on the response. Default: 0.
    #[schemars(range(min = i32::MIN, max = i32::MAX), extend("default" = 0))]
    #[schemars(extend("examples" = [100]))]
    pub(crate) priority: Option<i32>,
    /// Memory of one VM, from 64KiB to 4GiB. A plugin has one VM per worker, which serves many requests at once.
    /// Default: 256MiB.
    pub(crate) memory_limit: Option<SizeText>,
    /// Time that one call into the plugin may compute, from 1ms to 1m. Waiting for an answer from elsewhere does not
    /// count. Default: 100ms.
    pub(crate) timeout: Option<DurationText>,
    /// Time that each step of its start may compute, from 1ms to 1h: the start of its code, of its VM, its
    /// configuration. When it is over, the plugin cannot be loaded. Default: 10s.
    #[schemars(extend("examples" = ["30s"]))]
    pub(crate) start_timeout: Option<DurationText>,
    /// How long it may hold a request or response, from 1ms to 1h. Then the client is answered with 504. Also how
    /// long it may put off its own end. Default: 60s.
    #[schemars(extend("examples" = ["5s"]))]
    pub(crate) pause_timeout: Option<DurationText>,
    /// How much of a body it may hold, of a request and of a response each, from 1KiB to 1GiB. Beyond it, a request
    /// is answered with 413, and a response becomes a 500. Default: 1MiB.
    #[schemars(extend("examples" = ["256KiB"]))]
    pub(crate) max_buffered_body: Option<SizeText>,
    /// How many VMs run the plugin. With 1 there is one state for all requests, and workers wait for each other.
    /// Default: one per worker.
    #[schemars(range(min = *limits::INSTANCES.start(), max = *limits::INSTANCES.end()))]
    #[schemars(extend("examples" = [1]))]
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
    /// Whether a file that imports functions which Loom does not have is refused. Otherwise they answer
    /// "unimplemented", with a warning at the start. Default: false.
    #[schemars(extend("default" = false))]
    pub(crate) strict_imports: Option<bool>,
    /// Whether the plugin runs without a route, in one VM, from the start of the gateway to its end, for its ticks,
    /// queues and calls. Default: false.
    #[schemars(extend("default" = false))]
    pub(crate) service: Option<bool>,
    /// What the plugin is configured with. A mapping or list reaches it as JSON, text as it is. Default: nothing.
    #[schemars(extend("examples" = [{"requests_per_second": 100}]))]
    pub(crate) config: Option<Value>,
    /// What it reads as the property `plugin_root_id`: a file with several plugins finds out by it which one is
    /// meant. Default: empty.
    #[schemars(extend("examples" = ["limit"]))]
    pub(crate) root_id: Option<String>,
    /// Whose shared data and queues it uses. Plugins with the same one and the same file, limits, `env` and
    /// `vm_configuration` also share VMs. Default: the plugin's name.
    #[schemars(extend("examples" = ["limits"]))]
    pub(crate) vm_id: Option<String>,
    /// What the plugin's VM is started with, in the forms of `config`. Default: nothing.
    #[schemars(extend("examples" = [{"capacity": 1000}]))]
    pub(crate) vm_configuration: Option<Value>,
    /// The environment variables that its VM reads. Those of the process are not among them; `${NAME}` in a value
    /// hands one on. Default: none.
    #[schemars(extend("examples" = [{"ISSUER": "https://issuer.example.com"}]))]
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
