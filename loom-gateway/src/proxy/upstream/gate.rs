//! How many requests are under way at an upstream, and how many wait until they may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use loom_config::model::UpstreamLimits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Gate {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
    patience: Duration,
}

impl Gate {
    pub(super) fn new(limits: UpstreamLimits, patience: Duration) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.connections)),
            waiting: AtomicUsize::new(0),
            most_waiting: limits.pending,
            patience,
        }
    }

    /// Requests that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A place, at once or after a wait; `None` when too many wait already, or it takes too long. They get theirs in the
    /// order in which they came.
    pub(super) async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(place);
        }
        let _waiting = Waiting::begin(self)?;
        let place = Arc::clone(&self.places).acquire_owned();
        // In a place of its own: every request would carry the room for a timer.
        Box::pin(timeout(self.patience, place)).await.ok()?.ok()
    }
}

/// One request in the queue.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(gate: &'a Gate) -> Option<Self> {
        let before = gate.waiting.fetch_add(1, Ordering::Relaxed);
        // Dropped at once when there is no room: it takes its count away again.
        let this = Self(&gate.waiting);
        (before < gate.most_waiting).then_some(this)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn gate(connections: usize, pending: usize) -> Gate {
        let limits = UpstreamLimits {
            connections,
            pending,
        };
        Gate::new(limits, Duration::from_secs(5))
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_next_and_the_rest_is_sent_away() {
        let gate = gate(1, 1);
        let first = gate.enter().await.expect("a place");
        let mut second = Box::pin(gate.enter());
        assert!((&mut second).now_or_never().is_none(), "it waits");
        assert!(gate.enter().await.is_none(), "the queue is full");
        drop(first);
        let second = second.await.expect("its turn");
        // Who goes away leaves no trace in the queue.
        drop(Box::pin(gate.enter()).now_or_never());
        let waited = tokio::time::Instant::now();
        assert!(gate.enter().await.is_none(), "no place in time");
        assert_eq!(waited.elapsed(), Duration::from_secs(5));
        drop(second);
        assert!(gate.enter().await.is_some());
    }
}
