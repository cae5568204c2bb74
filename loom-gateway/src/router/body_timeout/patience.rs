//! How long to wait for what comes piece by piece.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use loom_config::model::BodyPace;
use tokio::time::{Instant, Sleep, sleep_until};

/// A time that waiting takes from, and bytes give back to.
#[derive(Debug)]
pub(super) struct Patience {
    pace: BodyPace,
    left: Duration,
    /// Since when somebody waits.
    since: Option<Instant>,
    /// From the first waiting on. The timer is moved only when it fires: what it waits for never becomes earlier.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) fn new(pace: BodyPace) -> Self {
        Self {
            left: pace.timeout,
            pace,
            since: None,
            timer: None,
        }
    }

    /// As many bytes have come, for which somebody may have waited.
    pub(super) fn received(&mut self, bytes: usize) {
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        let nanoseconds = (bytes as u128 * 1_000_000_000) / u128::from(self.pace.rate.max(1));
        let back = u64::try_from(nanoseconds).map_or(Duration::MAX, Duration::from_nanos);
        self.left = self.left.saturating_add(back).min(self.pace.timeout);
    }

    /// Somebody waits. Ready when it was too long.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = *self.since.get_or_insert_with(Instant::now) + self.left;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(due);
        }
    }
}
