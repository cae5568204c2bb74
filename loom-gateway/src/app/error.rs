//! Why a gateway does not start.

use crate::listener::BindError;

/// A gateway that cannot start. Its text says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A plugin cannot be loaded, or refuses its configuration.
    #[error(transparent)]
    Plugin(#[from] loom_layer::Error),
    /// An address cannot be taken.
    #[error(transparent)]
    Bind(#[from] BindError),
}
