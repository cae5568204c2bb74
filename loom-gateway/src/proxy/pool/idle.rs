//! Connections that nobody uses at the moment.

use std::time::{Duration, Instant};

/// A stack of unused connections: the one that was used last is used next, so that the others can grow old.
#[derive(Debug)]
pub(super) struct Idle<C> {
    /// By the time since which they are unused, the oldest first.
    kept: Vec<(C, Instant)>,
    limit: usize,
    timeout: Duration,
}

impl<C> Idle<C> {
    /// Keeps `limit` connections, each for `timeout` at the most.
    pub(super) fn new(limit: usize, timeout: Duration) -> Self {
        Self {
            kept: Vec::new(),
            limit,
            timeout,
        }
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Keeps a connection; drops it when there are enough.
    pub(super) fn put(&mut self, connection: C, now: Instant) {
        if self.kept.len() < self.limit {
            self.kept.push((connection, now));
        }
    }

    /// The connection that was used last, and for how long it has been unused.
    pub(super) fn take(&mut self, now: Instant) -> Option<(C, Duration)> {
        let (connection, since) = self.kept.pop()?;
        let unused = now.saturating_duration_since(since);
        if unused > self.timeout {
            // All below it are older.
            self.kept.clear();
            return None;
        }
        Some((connection, unused))
    }

    /// Drops what is too old, and says when the next one will be; `None` when there is no connection left.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Instant> {
        let is_old = |since: Instant| now.saturating_duration_since(since) >= self.timeout;
        let old = self.kept.partition_point(|&(_, since)| is_old(since));
        self.kept.drain(..old);
        self.kept.first().map(|&(_, since)| since + self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_last_one_in_is_the_first_one_out() {
        let start = Instant::now();
        let mut idle = Idle::new(2, TIMEOUT);
        for (number, connection) in ["a", "b", "one too many"].into_iter().enumerate() {
            idle.put(
                connection,
                start + SECOND * u32::try_from(number).expect("small"),
            );
        }
        let now = start + 3 * SECOND;
        assert_eq!(idle.take(now), Some(("b", 2 * SECOND)));
        assert_eq!(idle.take(now), Some(("a", 3 * SECOND)));
        assert_eq!(idle.take(now), None);
    }

    #[test]
    fn an_old_one_is_neither_used_nor_kept() {
        let start = Instant::now();
        let mut idle = Idle::new(8, TIMEOUT);
        idle.put("a", start);
        idle.put("b", start + SECOND);
        assert_eq!(idle.take(start + TIMEOUT + 2 * SECOND), None);

        idle.put("c", start);
        idle.put("d", start + SECOND);
        assert_eq!(
            idle.expire(start + TIMEOUT),
            Some(start + TIMEOUT + SECOND),
            "c is gone"
        );
        assert_eq!(idle.take(start + TIMEOUT), Some(("d", TIMEOUT - SECOND)));
        assert_eq!(idle.expire(start + TIMEOUT), None);
    }
}
