//! What an upstream is doing, for those who look at it.

use std::net::SocketAddr;
use std::time::Duration;

use loom_config::model::UpstreamLimits;
use serde_json::{Value, json};

/// One upstream. Its numbers count since it was built, which a reload that changes nothing about it does not do anew.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamStatus {
    /// Its name.
    pub name: String,
    /// Its endpoints; none when it is built in.
    pub endpoints: Vec<EndpointStatus>,
    /// Whether so few endpoints may be used that all are.
    pub panicking: bool,
    /// Requests that wait until they may be under way.
    pub pending: usize,
    /// What it takes at the most; `None`: anything.
    pub limits: Option<UpstreamLimits>,
    /// Requests that were sent once more.
    pub retries: u64,
    /// Requests that were not, since the budget of their route was used up.
    pub retries_refused: u64,
    /// How often an endpoint was put out.
    pub ejections: u64,
    /// Health checks that succeeded.
    pub checks_passed: u64,
    /// Health checks that failed.
    pub checks_failed: u64,
    /// Look-ups of its endpoints' names that found an address.
    pub lookups_found: u64,
    /// Look-ups that found none.
    pub lookups_failed: u64,
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointStatus {
    /// Its address as configured, and the one that was found for its name.
    pub address: String,
    /// Its IP address; `None` of a Unix socket, and of a name that was not found yet.
    pub resolved: Option<SocketAddr>,
    /// Its share of the requests, beside the weights of the others.
    pub weight: u32,
    /// Whether it gets requests.
    pub health: EndpointHealth,
    /// How much longer it is out, if it is [ejected](EndpointHealth::Ejected).
    pub ejected_for: Option<Duration>,
    /// Requests that are under way.
    pub in_flight: usize,
    /// Connections that are open.
    pub connections: usize,
    /// Those of them that nobody uses at the moment. A connection of HTTP/2 is never among them.
    pub idle_connections: usize,
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

impl EndpointHealth {
    /// The word of metrics and of the admin listener.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unhealthy(_) => "unhealthy",
            Self::Ejected => "ejected",
            Self::OnTrial => "on_trial",
        }
    }

    /// All words.
    pub(crate) const WORDS: [&str; 4] = ["healthy", "unhealthy", "ejected", "on_trial"];
}

impl UpstreamStatus {
    /// Of one that has no servers.
    pub(super) fn builtin(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            endpoints: Vec::new(),
            panicking: false,
            pending: 0,
            limits: None,
            retries: 0,
            retries_refused: 0,
            ejections: 0,
            checks_passed: 0,
            checks_failed: 0,
            lookups_found: 0,
            lookups_failed: 0,
        }
    }

    /// As JSON.
    pub(super) fn show(&self) -> Value {
        let endpoints = self.endpoints.iter().map(EndpointStatus::show);
        let in_flight: usize = self.endpoints.iter().map(|one| one.in_flight).sum();
        let limits = self.limits.map(|limits| {
            json!({
                "connections": limits.connections,
                "pending": limits.pending,
                "open": in_flight < limits.connections || self.pending < limits.pending,
            })
        });
        json!({
            "name": self.name,
            "panicking": self.panicking,
            "in_flight": in_flight,
            "pending": self.pending,
            "limits": limits,
            "retries": {"sent": self.retries, "refused": self.retries_refused},
            "ejections": self.ejections,
            "health_checks": {"passed": self.checks_passed, "failed": self.checks_failed},
            "lookups": {"found": self.lookups_found, "failed": self.lookups_failed},
            "endpoints": endpoints.collect::<Value>(),
        })
    }
}

impl EndpointStatus {
    /// Connections that a request uses.
    pub(crate) fn active_connections(&self) -> usize {
        self.connections.saturating_sub(self.idle_connections)
    }

    fn show(&self) -> Value {
        let why = match &self.health {
            EndpointHealth::Unhealthy(why) => Some(why),
            _ => None,
        };
        let left = self.ejected_for.map(|left| left.as_millis());
        json!({
            "address": self.address,
            "resolved": self.resolved,
            "weight": self.weight,
            "health": self.health.word(),
            "why": why,
            "ejected_for_ms": left.and_then(|left| u64::try_from(left).ok()),
            "in_flight": self.in_flight,
            "connections": {
                "open": self.connections,
                "active": self.active_connections(),
                "idle": self.idle_connections,
            },
        })
    }
}
