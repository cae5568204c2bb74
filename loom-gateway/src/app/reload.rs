//! Another configuration for a gateway that runs.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use loom_config::Config;

use super::error::ReloadError;
use super::live::Live;
use super::readiness::Readiness;
use super::sources::Sources;
use crate::admin::Shown;
use crate::plugins::Host;

/// Reloads a gateway, from wherever the wish comes. Cheap to clone; all copies mean the same gateway.
///
/// Everything is put together aside: the configuration is checked, plugins are loaded and started, new addresses are
/// bound. Only when all of that has worked it takes the place of what ran, at once. Requests that run end on the old
/// stack, the next ones take the new, on old connections too. What the new configuration has in common with the old one
/// goes on: plugins with the same settings and the same file keep their VMs and what those remember, upstreams their
/// connections, listeners their sockets.
#[derive(Debug, Clone)]
pub struct Reloader {
    live: Arc<Live>,
}

impl Reloader {
    pub(super) fn new(live: &Arc<Live>) -> Self {
        Self {
            live: Arc::clone(live),
        }
    }

    /// Reads the configuration again, from where the gateway was started from, and puts it in force.
    ///
    /// The result is logged and counted. Of several calls at a time each has its turn.
    ///
    /// # Errors
    ///
    /// When anything is wrong with the new configuration or with what it names; everything is as it was then. Also when
    /// the gateway was started with [`Gateway::start`](crate::Gateway::start) and knows no file, or shuts down.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        self.live.reload().await
    }

    /// Puts this configuration in force.
    ///
    /// # Errors
    ///
    /// As [`reload`](Self::reload).
    pub async fn apply(&self, config: Config) -> Result<Reloaded, ReloadError> {
        self.live.apply(config).await
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        self.live.config()
    }

    /// Whether the gateway wants requests.
    pub(crate) fn readiness(&self) -> &Readiness {
        self.live.readiness()
    }

    /// What all configurations run in.
    pub(crate) fn host(&self) -> &Host {
        self.live.host()
    }

    /// What is in force, for people.
    pub(crate) fn shown(&self) -> Arc<Shown> {
        self.live.shown()
    }

    /// The files of the configuration in force, those of its plugins too, and those of an attempt after it that was
    /// refused.
    pub(super) fn sources(&self) -> Sources {
        self.live.sources()
    }

    /// What became of all reloads.
    pub fn stats(&self) -> ReloadStats {
        self.live.stats()
    }
}

/// What a reload did.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Reloaded {
    /// Listeners that were kept, opened, closed.
    pub listeners: (usize, usize, usize),
    /// Plugins that were kept and that were started.
    pub plugins: (usize, usize),
    /// Upstreams that were kept and that are new.
    pub upstreams: (usize, usize),
    /// How long it took.
    pub took: Duration,
}

/// What became of all reloads since the start.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReloadStats {
    /// Those that put a configuration in force.
    pub succeeded: u64,
    /// Those that were refused.
    pub failed: u64,
    /// When a configuration was put in force last, the start apart.
    pub last_success: Option<SystemTime>,
    /// Why the last one was refused; `None` when it was not.
    pub last_error: Option<String>,
}

/// Where the configuration is read from, again and again.
#[derive(Clone)]
pub struct Source(Arc<dyn Fn() -> Result<Config, loom_config::Error> + Send + Sync>);

impl Source {
    /// `read` may block: it is called off the worker threads.
    pub fn new(
        read: impl Fn() -> Result<Config, loom_config::Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(read))
    }

    /// The configuration as it is now.
    ///
    /// # Errors
    ///
    /// When it has faults.
    pub fn read(&self) -> Result<Config, loom_config::Error> {
        (self.0)()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}
