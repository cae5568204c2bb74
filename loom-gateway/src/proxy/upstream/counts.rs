//! What is counted about an upstream where something went wrong: nothing of it costs a request that goes well.

use std::sync::atomic::{AtomicU64, Ordering};

/// See the module's text.
#[derive(Debug, Default)]
pub(in crate::proxy) struct Counts {
    /// Requests that were sent once more.
    pub(in crate::proxy) retries: Count,
    /// Those that were not, since the route's budget was used up.
    pub(in crate::proxy) retries_refused: Count,
    /// Endpoints that were put out for a while.
    pub(super) ejections: Count,
    /// Health checks that succeeded.
    pub(super) checks_passed: Count,
    /// Health checks that failed.
    pub(super) checks_failed: Count,
    /// Look-ups of names that found an address.
    pub(super) lookups_found: Count,
    /// Look-ups that found none.
    pub(super) lookups_failed: Count,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(in crate::proxy) struct Count(AtomicU64);

impl Count {
    pub(in crate::proxy) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
