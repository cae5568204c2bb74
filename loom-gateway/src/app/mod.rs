//! The gateway as a whole: from a checked configuration to something that runs and can be ended.

mod assemble;
mod check;
mod error;
mod listeners;
mod live;
mod readiness;
mod reload;
mod running;
mod sources;
mod watch;

use loom_config::model::Config;

pub use check::CheckReport;
pub use error::{PluginFaults, ReloadError, StartError};
pub use readiness::Readiness;
pub use reload::{ReloadStats, Reloaded, Reloader, Source};
pub use running::{Drained, Running};
pub(crate) use watch::Watch;

use live::Live;

/// The gateway.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use loom_gateway::Gateway;
///
/// let config = loom_config::load("loom.yaml".as_ref())?;
/// let running = Gateway::start(config).await?;
/// println!("listening on {:?}", running.addresses());
/// running.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Gateway;

impl Gateway {
    /// Finds what would keep a configuration from starting: plugins that do not load or refuse their configuration, addresses
    /// that cannot be taken, a log that cannot be written. Everything is found, not only the first fault. Nothing serves
    /// requests meanwhile; addresses are taken for a moment.
    pub async fn check(config: &Config) -> CheckReport {
        CheckReport::of(config).await
    }

    /// Loads all plugins, takes all addresses, and serves them on the current tokio runtime.
    ///
    /// When it returns, every listener accepts connections.
    ///
    /// # Errors
    ///
    /// When a plugin cannot be loaded or refuses its configuration, or when an address cannot be taken. Nothing runs
    /// then.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        Running::start(Live::start(config, None).await?)
    }

    /// As [`start`](Self::start), with a configuration that was read from `source`, where a [`Reloader`] reads it again.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_from(config: Config, source: Source) -> Result<Running, StartError> {
        Running::start(Live::start(config, Some(source)).await?)
    }
}
