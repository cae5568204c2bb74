//! An upstream: a name, and what answers for it.
//!
//! [`servers`] keeps the endpoints of an upstream: those that are configured, with the addresses that [`resolve`] finds
//! for names and what [`health`] knows of them. Which of them may be used is one snapshot, made anew whenever that
//! changes; [`balance`] picks from it, without a lock.

mod balance;
mod counts;
mod gate;
mod health;
mod resolve;
mod servers;
mod status;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use loom_config::model;
use serde_json::{Value, json};

pub(super) use servers::Servers;
pub use status::{EndpointHealth, EndpointStatus, UpstreamStatus};

use super::pool::Secure;
use crate::metrics::{Metrics, Traffic};

/// Where requests go. Shared by every route that names it.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(super) name: Arc<str>,
    pub(super) target: Target,
    /// Its counters, where somebody reads them.
    pub(super) traffic: Option<Arc<Traffic>>,
    started: AtomicBool,
    looked_up: AtomicBool,
}

/// What answers.
#[derive(Debug)]
pub(super) enum Target {
    /// The built-in echo.
    Echo,
    /// Servers.
    Servers(Arc<Servers>),
}

impl Upstream {
    /// The upstream of this configuration, with the TLS that it asks for. Nothing is sent to it yet.
    pub(crate) fn new(
        upstream: &model::Upstream,
        secure: Option<Secure>,
        metrics: Option<&Metrics>,
    ) -> Self {
        let name: Arc<str> = upstream.name.as_str().into();
        let target = match &upstream.target {
            model::Target::Echo => Target::Echo,
            model::Target::Servers(servers) => {
                Target::Servers(Arc::new(Servers::new(Arc::clone(&name), servers, secure)))
            }
        };
        Self {
            name,
            target,
            traffic: metrics.map(|metrics| metrics.upstream(&upstream.name)),
            started: AtomicBool::new(false),
            looked_up: AtomicBool::new(false),
        }
    }

    /// The name by which routes and plugins refer to it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What there is to know of it, for people.
    pub(crate) fn show(&self) -> Value {
        match &self.target {
            Target::Echo => json!({ "name": self.name(), "builtin": "echo" }),
            Target::Servers(servers) => servers.status().show(),
        }
    }

    /// Begins to watch its servers, as long as somebody keeps it. What was started once goes on.
    pub(crate) fn start(&self) {
        if let Target::Servers(servers) = &self.target
            && !self.started.swap(true, Ordering::Relaxed)
        {
            drop(self.look_up());
            health::start(servers);
        }
    }

    /// Begins to look up the names of its servers, as long as somebody keeps it. The future, which need not be polled, ends
    /// when each name was looked up once, found or not; at once if that was begun before.
    pub(crate) fn look_up(&self) -> impl Future<Output = ()> + Send + use<> {
        let first_times = match &self.target {
            Target::Servers(servers) if !self.looked_up.swap(true, Ordering::Relaxed) => {
                resolve::start(servers)
            }
            _ => Vec::new(),
        };
        async move {
            for first_time in first_times {
                // An error is the end of the upstream.
                let _ = first_time.await;
            }
        }
    }

    /// What it is doing.
    pub(crate) fn status(&self) -> UpstreamStatus {
        match &self.target {
            Target::Servers(servers) => servers.status(),
            Target::Echo => UpstreamStatus::builtin(&self.name),
        }
    }
}

/// About this long: a tenth more or less, so that what started together does not stay together.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(0.9 + 0.2 * fastrand::f64())
}
