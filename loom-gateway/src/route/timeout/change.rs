//! Another time for a request that is on its way already.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

/// The way from the inside of a route to the clock around it, for a request of which another route is chosen.
#[derive(Debug, Clone, Default)]
pub(in crate::route) struct TimeoutChange {
    to: Arc<Mutex<Option<Option<Duration>>>>,
}

impl TimeoutChange {
    /// Sets the time that counts from now on, measured from where the old one was; `None` is no limit.
    pub(in crate::route) fn set(&self, timeout: Option<Duration>) {
        *self.to.lock() = Some(timeout);
    }

    /// The change that was not carried out yet.
    pub(super) fn take(&self) -> Option<Option<Duration>> {
        self.to.lock().take()
    }
}
