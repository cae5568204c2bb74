//! What is known of an endpoint's health.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// What became of requests and checks. What picking an endpoint asks for is in atomics.
#[derive(Debug, Default)]
pub(in crate::proxy) struct Condition {
    /// One of the constants of [`admission`].
    admission: AtomicU8,
    /// Requests that failed in a row.
    errors: AtomicU32,
    known: Mutex<Known>,
}

/// Whether requests may go to an endpoint, as far as other requests tell.
mod admission {
    pub(super) const IN: u8 = 0;
    pub(super) const OUT: u8 = 1;
    /// It was out for long enough: one request may go there.
    pub(super) const TRIAL: u8 = 2;
    /// That request is under way.
    pub(super) const TRYING: u8 = 3;
}

#[derive(Debug, Default)]
struct Known {
    /// How often it was put out without a request that succeeded since.
    ejections: u32,
    /// Whether it was checked.
    checked: bool,
    /// Checks in a row that say the opposite of what holds.
    contradictions: u32,
    /// Why checks fail.
    failing: Option<String>,
    /// Until when it is out, if it is.
    out_until: Option<Instant>,
}

/// What holds of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::proxy) enum State {
    /// It gets requests.
    Healthy,
    /// Checks fail.
    Unhealthy(String),
    /// Requests failed.
    Ejected,
    /// It was out; one request shows whether it is back.
    OnTrial,
}

/// Leave to send a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proxy) enum Admission {
    /// Like any other.
    Ordinary,
    /// The one that shows whether the endpoint is back.
    Trial,
}

impl Condition {
    pub(in crate::proxy) fn state(&self) -> State {
        if let Some(why) = &self.known.lock().failing {
            return State::Unhealthy(why.clone());
        }
        match self.admission.load(Ordering::Relaxed) {
            admission::IN => State::Healthy,
            admission::OUT => State::Ejected,
            _ => State::OnTrial,
        }
    }

    /// Leave to send a request to an endpoint that is not out.
    pub(in crate::proxy) fn admit(&self) -> Option<Admission> {
        match self.admission.load(Ordering::Relaxed) {
            admission::IN => Some(Admission::Ordinary),
            admission::TRIAL => self
                .change(admission::TRIAL, admission::TRYING)
                .then_some(Admission::Trial),
            _ => None,
        }
    }

    /// The request of a trial ended without telling anything: another one may.
    pub(super) fn trial_ended(&self) {
        self.change(admission::TRYING, admission::TRIAL);
    }

    /// A request succeeded. Returns whether the endpoint is back.
    pub(in crate::proxy) fn succeeded(&self) -> bool {
        if self.errors.load(Ordering::Relaxed) != 0 {
            self.errors.store(0, Ordering::Relaxed);
        }
        let back = match self.admission.load(Ordering::Relaxed) {
            admission::IN | admission::OUT => false,
            trial => self.change(trial, admission::IN),
        };
        if back {
            self.known.lock().ejections = 0;
        }
        back
    }

    /// A request failed. Returns whether the endpoint should be put out, when so many in a row are enough.
    pub(in crate::proxy) fn failed(&self, enough: u32) -> bool {
        let errors = self
            .errors
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        match self.admission.load(Ordering::Relaxed) {
            admission::IN => errors >= enough,
            admission::OUT => false,
            _ => true,
        }
    }

    /// Puts the endpoint out. Returns how often in a row that has happened; `None` when it was out.
    pub(in crate::proxy) fn eject(&self) -> Option<u32> {
        let before = self.admission.swap(admission::OUT, Ordering::Relaxed);
        self.errors.store(0, Ordering::Relaxed);
        if before == admission::OUT {
            return None;
        }
        let mut known = self.known.lock();
        known.ejections = known.ejections.saturating_add(1);
        Some(known.ejections)
    }

    /// It is out for this long from now on.
    pub(in crate::proxy) fn out_for(&self, length: Duration) {
        self.known.lock().out_until = Instant::now().checked_add(length);
    }

    /// How much longer it is out; `None` when it is not.
    pub(in crate::proxy) fn ejected_for(&self) -> Option<Duration> {
        let is_out = self.admission.load(Ordering::Relaxed) == admission::OUT;
        let until = self.known.lock().out_until?;
        is_out.then(|| until.saturating_duration_since(Instant::now()))
    }

    /// The endpoint was out for long enough.
    pub(in crate::proxy) fn put_on_trial(&self) {
        self.change(admission::OUT, admission::TRIAL);
    }

    /// A check ended. Returns whether that changes anything, when so many in a row are enough. The first one decides
    /// alone.
    pub(in crate::proxy) fn checked(
        &self,
        result: Result<(), String>,
        healthy: u32,
        unhealthy: u32,
    ) -> bool {
        let mut known = self.known.lock();
        let first = !std::mem::replace(&mut known.checked, true);
        if known.failing.is_none() == result.is_ok() {
            known.contradictions = 0;
            // What is wrong now may be something else than what was wrong first.
            known.failing = result.err();
            return false;
        }
        known.contradictions += 1;
        let enough = if result.is_ok() { healthy } else { unhealthy };
        if !first && known.contradictions < enough {
            return false;
        }
        known.contradictions = 0;
        known.failing = result.err();
        true
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.admission
            .compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_count_in_a_row() {
        let condition = Condition::default();
        assert!(!condition.failed(3));
        assert!(!condition.failed(3));
        assert!(!condition.succeeded());
        assert!(!condition.failed(3));
        assert!(!condition.failed(3));
        assert!(condition.failed(3));
    }

    #[test]
    fn one_request_is_the_trial() {
        let condition = Condition::default();
        assert_eq!(condition.eject(), Some(1));
        assert_eq!(condition.eject(), None);
        assert_eq!(condition.admit(), None);
        condition.put_on_trial();
        assert_eq!(condition.admit(), Some(Admission::Trial));
        assert_eq!(condition.admit(), None);
        condition.trial_ended();
        assert_eq!(condition.admit(), Some(Admission::Trial));
        assert!(condition.failed(100), "a trial that fails is enough");
        assert_eq!(condition.eject(), Some(2));
        condition.put_on_trial();
        assert!(condition.succeeded());
        assert_eq!(condition.admit(), Some(Admission::Ordinary));
        assert_eq!(condition.eject(), Some(1), "a success counts anew");
    }

    #[test]
    fn the_first_check_decides_and_then_thresholds_do() {
        let condition = Condition::default();
        let check = |ok: bool| {
            let result = if ok {
                Ok(())
            } else {
                Err("refused".to_owned())
            };
            condition.checked(result, 2, 3)
        };
        assert!(check(false));
        assert!(!check(true));
        assert!(!check(false));
        assert!(!check(true));
        assert!(check(true));
        assert!(!check(false));
        assert!(!check(false));
        assert!(check(false));
        assert_eq!(condition.state(), State::Unhealthy("refused".to_owned()));
        assert!(!condition.checked(Err("answered 500".to_owned()), 2, 3));
        let now = State::Unhealthy("answered 500".to_owned());
        assert_eq!(condition.state(), now, "the last cause is told");
    }
}
