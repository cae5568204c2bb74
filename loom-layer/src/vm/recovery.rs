//! When a failed shard is built again: the first time at once, then after waits that grow. A crash loop opens a breaker: the
//! shard stays down for a good while, is tried once, and stays down again if that fails soon.

use std::time::Duration;

use crate::limits;

/// What one shard's place knows of its failures.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// Failures of which each came before the shard had lived long enough to count as healthy.
    in_a_row: u32,
}

/// What follows a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// How long to wait before the shard is built again.
    pub(super) wait: Duration,
    /// The breaker has opened with this failure.
    pub(super) opens: bool,
}

impl Recovery {
    /// A shard failed, or could not be built. `lived` is how long it ran.
    pub(super) fn failed(&mut self, lived: Duration) -> Plan {
        if lived >= limits::REBUILD_FORGET {
            self.in_a_row = 0;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        Plan {
            wait: match self.in_a_row {
                1 => Duration::ZERO,
                _ if self.is_open() => limits::BREAKER_OPEN,
                // Below the breaker's number, so that this does not overflow.
                again => limits::REBUILD_FIRST.saturating_mul(1 << (again - 2)),
            },
            opens: self.in_a_row == limits::BREAKER_FAILURES,
        }
    }

    /// Whether the breaker is open, or waits for its trial.
    pub(super) fn is_open(&self) -> bool {
        self.in_a_row >= limits::BREAKER_FAILURES
    }

    /// A shard has lived long enough. Says whether that closed the breaker.
    pub(super) fn lived(&mut self) -> bool {
        let closes = self.is_open();
        self.in_a_row = 0;
        closes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    fn millis(plan: &Plan) -> u128 {
        plan.wait.as_millis()
    }

    #[test]
    fn waits_grow_until_the_breaker_opens_and_it_opens_once() {
        let mut recovery = Recovery::default();
        let plans: Vec<_> = (0..8).map(|_| recovery.failed(SOON)).collect();
        let waits: Vec<_> = plans.iter().map(millis).collect();
        assert_eq!(waits, [0, 100, 200, 400, 800, 30_000, 30_000, 30_000]);
        let opens: Vec<_> = plans.iter().map(|plan| plan.opens).collect();
        assert_eq!(
            opens,
            [false, false, false, false, false, true, false, false]
        );
    }

    #[test]
    fn a_healthy_life_begins_a_new_row() {
        let mut recovery = Recovery::default();
        recovery.failed(SOON);
        recovery.failed(SOON);
        assert_eq!(millis(&recovery.failed(limits::REBUILD_FORGET)), 0);
        assert_eq!(millis(&recovery.failed(SOON)), 100);
    }

    #[test]
    fn the_breaker_closes_when_its_trial_lives() {
        let mut recovery = Recovery::default();
        assert!(!recovery.lived(), "it was not open");
        for _ in 0..limits::BREAKER_FAILURES {
            recovery.failed(SOON);
        }
        assert!(recovery.is_open());
        assert!(recovery.lived());
        assert!(!recovery.is_open() && !recovery.lived());
        assert_eq!(millis(&recovery.failed(SOON)), 0);
    }
}
