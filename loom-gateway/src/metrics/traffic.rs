//! The requests of a route or an upstream: how many, how they ended, how long they took.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;

/// Upper bounds of the histogram's buckets, in microseconds: from what a local service answers in to what people wait for.
pub(super) const BOUNDS: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// How requests end: without a response, or with one of these classes.
pub(super) const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// Threads that count the same thing seldom meet in one of as many cells. Ten thousand routes take 20 MiB of them.
const STRIPES: usize = 8;

/// See the module's text. Every thread has cells of its own, so that workers do not wait for each other's cache lines.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    stripes: [Stripe; STRIPES],
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe {
    /// Begun here less ended here: alone it may be below zero.
    in_flight: AtomicU64,
    by_class: [AtomicU64; CLASSES.len()],
    /// One for each of [`BOUNDS`], and one for what is above.
    by_duration: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

/// The sums at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) in_flight: u64,
    pub(super) by_class: [u64; CLASSES.len()],
    /// Not cumulative.
    pub(super) by_duration: [u64; BOUNDS.len() + 1],
    pub(super) microseconds: u64,
}

impl Traffic {
    /// A request has begun. It has ended when what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Running {
        self.stripe().in_flight.fetch_add(1, Ordering::Relaxed);
        Running {
            traffic: Arc::clone(self),
            began: Instant::now(),
            class: 0,
        }
    }

    fn ended(&self, class: usize, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let stripe = self.stripe();
        // Below zero it wraps, and so does the sum, to the right number.
        stripe.in_flight.fetch_sub(1, Ordering::Relaxed);
        stripe.by_class[class].fetch_add(1, Ordering::Relaxed);
        let bucket = BOUNDS.partition_point(|&bound| bound < took);
        stripe.by_duration[bucket].fetch_add(1, Ordering::Relaxed);
        stripe.microseconds.fetch_add(took, Ordering::Relaxed);
    }

    fn stripe(&self) -> &Stripe {
        &self.stripes[thread_number() % STRIPES]
    }

    pub(super) fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        let add =
            |sum: &mut u64, cell: &AtomicU64| *sum = sum.wrapping_add(cell.load(Ordering::Relaxed));
        for stripe in &self.stripes {
            add(&mut sums.in_flight, &stripe.in_flight);
            add(&mut sums.microseconds, &stripe.microseconds);
            for (sum, cell) in sums.by_class.iter_mut().zip(&stripe.by_class) {
                add(sum, cell);
            }
            for (sum, cell) in sums.by_duration.iter_mut().zip(&stripe.by_duration) {
                add(sum, cell);
            }
        }
        sums
    }
}

/// A request that runs.
#[derive(Debug)]
pub(crate) struct Running {
    traffic: Arc<Traffic>,
    began: Instant,
    class: usize,
}

impl Running {
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.class = usize::from(status.as_u16() / 100).min(CLASSES.len() - 1);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.traffic.ended(self.class, self.began.elapsed());
    }
}

/// A small number for the calling thread.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_right_whichever_thread_begins_and_ends() {
        let traffic = Arc::new(Traffic::default());
        let mut running: Vec<_> = (0..20).map(|_| traffic.begin()).collect();
        assert_eq!(traffic.sums().in_flight, 20);
        for status in [
            StatusCode::OK,
            StatusCode::NOT_FOUND,
            StatusCode::BAD_GATEWAY,
        ] {
            let mut one = running.pop().expect("20 run");
            one.answered(status);
            std::thread::spawn(move || drop(one))
                .join()
                .expect("no panic");
        }
        drop(running.pop());
        let sums = traffic.sums();
        assert_eq!(sums.in_flight, 16);
        assert_eq!(sums.by_class, [1, 0, 1, 0, 1, 1]);
        assert_eq!(sums.by_duration.iter().sum::<u64>(), 4);
    }

    #[test]
    fn a_bucket_holds_its_own_bound() {
        let traffic = Traffic::default();
        for microseconds in [0, 500, 501, 10_000_000, 10_000_001] {
            traffic.ended(2, Duration::from_micros(microseconds));
        }
        let sums = traffic.sums();
        assert_eq!(sums.by_duration[..2], [2, 1]);
        assert_eq!(sums.by_duration[BOUNDS.len() - 1..], [1, 1]);
        assert_eq!(sums.microseconds, 20_001_002);
    }
}
