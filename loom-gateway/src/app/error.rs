//! Why a gateway does not start, or stays as it is.

use std::fmt;

use crate::listener::BindError;
use crate::plugins::PluginFault;
use crate::proxy::SecureError;

/// A gateway that cannot start. Its text says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Plugins cannot run on this machine, or one refuses the configuration that a route has for it.
    #[error(transparent)]
    Plugin(#[from] loom_layer::Error),
    /// Plugins cannot be fetched or loaded, or refuse their configuration.
    #[error(transparent)]
    Plugins(#[from] PluginFaults),
    /// An address cannot be taken.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Certificates cannot be used. What the configuration could see of them was right.
    #[error("listener `{listener}` has no TLS: {source}; check its `tls`")]
    Tls {
        /// The name of the listener.
        listener: String,
        /// What is wrong.
        #[source]
        source: rustls::Error,
    },
    /// There can be no TLS to an upstream.
    #[error("upstream `{upstream}` has no TLS: {source}; check its `tls`")]
    UpstreamTls {
        /// The name of the upstream.
        upstream: String,
        /// What is wrong.
        #[source]
        source: SecureError,
    },
    /// The file of the access log cannot be written.
    #[error("the access log cannot be opened: {0}; check `access_log.path`")]
    AccessLog(#[source] std::io::Error),
    /// Nothing can be sent to the collector of traces.
    #[error("traces cannot be sent: {0}; check `tracing`")]
    Tracing(#[source] tower::BoxError),
}

/// The plugins that cannot be loaded, each with its reason; at least one.
#[derive(Debug)]
pub struct PluginFaults(Vec<PluginFault>);

impl PluginFaults {
    /// The faults, in the order of the configuration.
    pub fn faults(&self) -> impl ExactSizeIterator<Item = &(dyn std::error::Error + 'static)> {
        self.0.iter().map(|fault| {
            let fault: &(dyn std::error::Error + 'static) = match fault {
                PluginFault::Fetch(fault) => fault,
                PluginFault::Load(fault) => fault,
            };
            fault
        })
    }
}

impl From<Vec<PluginFault>> for StartError {
    fn from(faults: Vec<PluginFault>) -> Self {
        Self::Plugins(PluginFaults(faults))
    }
}

/// One fault a line.
impl fmt::Display for PluginFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PluginFaults {}

/// A change that was refused: what ran before runs on, untouched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The new configuration has faults; all of them are in the text.
    #[error(transparent)]
    Config(#[from] loom_config::Error),
    /// What it describes cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The gateway was started with a configuration and does not know where it came from.
    #[error("this gateway was not started from a file")]
    NoSource,
    /// The gateway is shutting down.
    #[error("the gateway is shutting down")]
    Ending,
}
