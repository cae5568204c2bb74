//! What an upstream is doing, for those who look at it.

use serde_json::{Value, json};

/// One upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamStatus {
    /// Its name.
    pub name: String,
    /// Its endpoints; none when it is built in.
    pub endpoints: Vec<EndpointStatus>,
    /// Whether so few endpoints may be used that all are.
    pub panicking: bool,
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointStatus {
    /// Its address as configured, and the one that was found for its name.
    pub address: String,
    /// Its share of the requests, beside the weights of the others.
    pub weight: u32,
    /// Whether it gets requests.
    pub health: EndpointHealth,
    /// Requests that are under way.
    pub in_flight: usize,
    /// Connections that are open.
    pub connections: usize,
}

/// Whether an endpoint gets requests, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointHealth {
    /// It does.
    Healthy,
    /// Checks fail, for this reason.
    Unhealthy(String),
    /// Requests failed; it is left out for a while.
    Ejected,
    /// It was left out; one request shows whether it is back.
    OnTrial,
}

impl UpstreamStatus {
    /// As JSON.
    pub(super) fn show(&self) -> Value {
        let endpoints = self.endpoints.iter().map(EndpointStatus::show);
        json!({
            "name": self.name,
            "panicking": self.panicking,
            "endpoints": endpoints.collect::<Value>(),
        })
    }
}

impl EndpointStatus {
    fn show(&self) -> Value {
        let (health, why) = match &self.health {
            EndpointHealth::Healthy => ("healthy", None),
            EndpointHealth::Unhealthy(why) => ("unhealthy", Some(why)),
            EndpointHealth::Ejected => ("ejected", None),
            EndpointHealth::OnTrial => ("on_trial", None),
        };
        json!({
            "address": self.address,
            "weight": self.weight,
            "health": health,
            "why": why,
            "in_flight": self.in_flight,
            "connections": self.connections,
        })
    }
}
