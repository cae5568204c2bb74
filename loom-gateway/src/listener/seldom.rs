//! A line of the log that says once for many what happens again and again.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    /// Whether the line is due: the first time, and then once in this time.
    pub(super) fn is_due(&self, once_in: Duration) -> bool {
        // Whoever is just asking too will do.
        let Some(mut last) = self.0.try_lock() else {
            return false;
        };
        let now = Instant::now();
        let is_due = last.is_none_or(|last| now.duration_since(last) >= once_in);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_one_is_due_and_the_next_one_is_not() {
        let seldom = Seldom::default();
        assert!(seldom.is_due(Duration::from_secs(3600)));
        assert!(!seldom.is_due(Duration::from_secs(3600)));
        assert!(seldom.is_due(Duration::ZERO));
    }
}
