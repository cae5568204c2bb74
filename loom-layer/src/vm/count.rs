//! What is counted on the way, for [`crate::stats`]: numbers that nobody waits for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::durations::Durations;
use super::fault::FaultKind;
use crate::stats::PluginStats;

/// Threads that count the same thing seldom meet in one of as many cells.
const STRIPES: usize = 16;

/// A plugin's numbers, shared by its root contexts of all routes.
#[derive(Debug, Default)]
pub(crate) struct PluginCounters {
    callbacks: [Stripe; STRIPES],
    local_replies: AtomicU64,
    durations: Durations,
}

/// A cell with a cache line of its own: workers count callbacks with every request.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Stripe(AtomicU64);

impl PluginCounters {
    /// Callbacks were made in the shard of this slot.
    pub(super) fn called(&self, slot: usize, callbacks: usize) {
        self.callbacks[slot % STRIPES].0.fetch_add(
            u64::try_from(callbacks).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
    }

    /// A callback that was measured took so long.
    pub(super) fn took(&self, callback: &str, time: Duration) {
        self.durations.add(callback, time);
    }

    pub(super) fn replied(&self) {
        self.local_replies.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> PluginStats {
        let cells = self.callbacks.iter();
        PluginStats {
            callbacks: cells.map(|cell| cell.0.load(Ordering::Relaxed)).sum(),
            local_replies: self.local_replies.load(Ordering::Relaxed),
            calls: self.durations.stats(),
        }
    }
}

/// A VM's numbers, of all its shards together.
#[derive(Debug, Default)]
pub(super) struct VmCounters {
    pub(super) traps: AtomicU64,
    pub(super) deadlines: AtomicU64,
    pub(super) out_of_memory: AtomicU64,
    pub(super) restarts: AtomicU64,
}

impl VmCounters {
    pub(super) fn failed(&self, kind: FaultKind) {
        let counter = match kind {
            FaultKind::Deadline(_) => &self.deadlines,
            FaultKind::Memory => &self.out_of_memory,
            FaultKind::Trap | FaultKind::Rejected => &self.traps,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
