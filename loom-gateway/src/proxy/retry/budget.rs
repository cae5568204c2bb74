//! How many repetitions there may be: a part of the requests that are under way. An upstream that is down would otherwise
//! get several times the load that brought it down.
//!
//! `tower::retry::budget` counts over time and takes a lock for each request; this counts what is under way, with two
//! atomics.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Repetitions that may be under way whatever the part is: of few requests it would be none.
const ALWAYS: usize = 3;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Budget {
    requests: AtomicUsize,
    repetitions: AtomicUsize,
    /// In hundredths.
    part: u8,
}

/// One in a count.
#[derive(Debug)]
pub(super) struct Counted<'a>(&'a AtomicUsize);

impl Budget {
    pub(super) fn new(part: u8) -> Self {
        Self {
            requests: AtomicUsize::new(0),
            repetitions: AtomicUsize::new(0),
            part,
        }
    }

    /// A request begins.
    pub(super) fn begin(&self) -> Counted<'_> {
        Counted::one_more(&self.requests).0
    }

    /// Leave to repeat a request.
    pub(super) fn repeat(&self) -> Option<Counted<'_>> {
        let part = self.requests.load(Ordering::Relaxed) * usize::from(self.part) / 100;
        // Without leave it is dropped, and takes its count away again.
        let (counted, before) = Counted::one_more(&self.repetitions);
        (before < part.max(if self.part == 0 { 0 } else { ALWAYS })).then_some(counted)
    }
}

impl<'a> Counted<'a> {
    fn one_more(count: &'a AtomicUsize) -> (Self, usize) {
        let before = count.fetch_add(1, Ordering::Relaxed);
        (Self(count), before)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_what_is_under_way_may_be_repeated() {
        let budget = Budget::new(20);
        let mut requests: Vec<_> = (0..50).map(|_| budget.begin()).collect();
        let mut repetitions: Vec<_> = (0..50).map_while(|_| budget.repeat()).collect();
        assert_eq!(repetitions.len(), 10);
        repetitions.pop();
        assert!(budget.repeat().is_some(), "one has ended");
        drop(repetitions);
        requests.truncate(1);
        let repetitions: Vec<_> = (0..50).map_while(|_| budget.repeat()).collect();
        assert_eq!(repetitions.len(), ALWAYS);
    }

    #[test]
    fn nothing_is_repeated_without_a_budget() {
        let budget = Budget::new(0);
        let _request = budget.begin();
        assert!(budget.repeat().is_none());
    }
}
