//! Connections of a listener, and what became of responses on them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::listener::{CutShort, Ended};

/// Counters of the connections of one listener.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    accepted: AtomicU64,
    closed: AtomicU64,
    ended: [AtomicU64; Ended::COUNT],
    cut: [AtomicU64; CutShort::COUNT],
}

/// What they are worth at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionSums {
    pub(super) accepted: u64,
    pub(super) open: u64,
    pub(super) ended: [u64; Ended::COUNT],
    pub(super) cut: [u64; CutShort::COUNT],
}

impl Connections {
    /// A connection is served.
    pub(crate) fn opened(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection that was served is no more.
    pub(crate) fn closed(&self) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }

    /// The gateway ended a connection, or did not take it.
    pub(crate) fn ended(&self, why: Ended) {
        self.ended[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// As many responses that had begun did not reach their end.
    pub(crate) fn cut(&self, why: CutShort, responses: u64) {
        self.cut[why as usize].fetch_add(responses, Ordering::Relaxed);
    }

    pub(super) fn sums(&self) -> ConnectionSums {
        // In this order, since a connection that is closed was opened before.
        let closed = self.closed.load(Ordering::Relaxed);
        let accepted = self.accepted.load(Ordering::Relaxed);
        ConnectionSums {
            accepted,
            open: accepted.saturating_sub(closed),
            ended: std::array::from_fn(|why| self.ended[why].load(Ordering::Relaxed)),
            cut: std::array::from_fn(|why| self.cut[why].load(Ordering::Relaxed)),
        }
    }
}
