//! `tracing`

use schemars::JsonSchema;
use serde::Deserialize;

use super::shapes::FractionText;

/// Where spans of requests are sent, as OpenTelemetry describes them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tracing {
    /// The collector: a URL such as `http://127.0.0.1:4318`, to which `/v1/traces` is added. It is spoken to in OTLP over
    /// HTTP.
    #[schemars(required)]
    #[schemars(extend("examples" = ["http://127.0.0.1:4318"]))]
    pub(crate) otlp_endpoint: Option<String>,
    /// How many of the traces that begin here are recorded, such as 10% or 0.1%. A request that brings a `traceparent` is
    /// recorded if that says so. Default: 100%.
    #[schemars(extend("default" = "100%"))]
    pub(crate) sample: Option<FractionText>,
    /// What the gateway is called in traces (`service.name`). Default: loom.
    #[schemars(extend("default" = "loom"))]
    #[schemars(extend("examples" = ["edge"]))]
    pub(crate) service_name: Option<String>,
}
