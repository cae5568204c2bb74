//! Where spans go.

/// Where spans of requests are sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracing {
    /// The URL of the collector, with the path that takes traces.
    pub otlp_endpoint: String,
    /// Which part of the traces that begin here is recorded, from 0 to 1.
    pub sample: f64,
    /// What the gateway is called in traces.
    pub service_name: String,
}
