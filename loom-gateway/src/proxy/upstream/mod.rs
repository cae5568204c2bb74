//! An upstream: a name, and what answers for it.
//!
//! [`servers`] keeps the endpoints of an upstream: those that are configured, with the addresses that [`resolve`] finds
//! for names. Which of them may be used is one snapshot, made anew whenever that changes; [`balance`] picks from it, without
//! a lock.

mod balance;
mod resolve;
mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use loom_config::model;

pub(super) use servers::Servers;

/// Where requests go. Shared by every route that names it.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(super) name: Arc<str>,
    pub(super) target: Target,
    started: AtomicBool,
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
    /// The upstream of this configuration. Nothing is sent to it yet.
    pub(crate) fn new(upstream: &model::Upstream) -> Self {
        let name: Arc<str> = upstream.name.as_str().into();
        let target = match &upstream.target {
            model::Target::Echo => Target::Echo,
            model::Target::Servers(servers) => {
                Target::Servers(Arc::new(Servers::new(Arc::clone(&name), servers)))
            }
        };
        Self {
            name,
            target,
            started: AtomicBool::new(false),
        }
    }

    /// The name by which routes and plugins refer to it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Begins to watch its servers, as long as somebody keeps it. What was started once goes on.
    pub(crate) fn start(&self) {
        if let Target::Servers(servers) = &self.target
            && !self.started.swap(true, Ordering::Relaxed)
        {
            resolve::start(servers);
        }
    }
}
