//! How long callbacks take.
//!
//! Reading the clock twice costs a tenth of what a short callback does, so that only a part of those of requests is measured:
//! every seventeenth of a VM. It is no multiple of how many callbacks a request has, so that none is always left out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::stats::CallStats;

/// Of so many callbacks one is measured.
const SAMPLE: u32 = 17;

/// Upper bounds of the buckets, in nanoseconds: from one that changes a header to one that breaks its `timeout`.
const BOUNDS: [u64; 15] = [
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    100_000_000,
];

/// What is measured, by the names of the exports.
const CALLBACKS: [&str; 17] = [
    "proxy_on_context_create",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_response_body",
    "proxy_on_response_trailers",
    "proxy_on_log",
    "proxy_on_done",
    "proxy_on_delete",
    "proxy_on_tick",
    "proxy_on_queue_ready",
    "proxy_on_http_call_response",
    "proxy_on_grpc_receive_initial_metadata",
    "proxy_on_grpc_receive",
    "proxy_on_grpc_receive_trailing_metadata",
    "proxy_on_grpc_close",
];

/// The durations of one plugin's callbacks.
#[derive(Debug, Default)]
pub(super) struct Durations([Histogram; CALLBACKS.len()]);

#[derive(Debug, Default)]
struct Histogram {
    /// One for each of [`BOUNDS`], and one for what is above.
    counts: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Durations {
    /// A callback took so long.
    pub(super) fn add(&self, callback: &str, took: Duration) {
        let Some(place) = CALLBACKS.iter().position(|known| *known == callback) else {
            return;
        };
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|&bound| bound < nanoseconds);
        let histogram = &self.0[place];
        histogram.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let sum = &histogram.nanoseconds;
        sum.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Those of the callbacks that were measured.
    pub(super) fn stats(&self) -> Vec<CallStats> {
        let all = CALLBACKS.iter().zip(&self.0);
        all.filter_map(|(callback, histogram)| histogram.stats(callback))
            .collect()
    }
}

impl Histogram {
    fn stats(&self, callback: &'static str) -> Option<CallStats> {
        let counts = self.counts.each_ref();
        let counts = counts.map(|count| count.load(Ordering::Relaxed));
        let measured = counts.iter().sum();
        let bounds = BOUNDS
            .iter()
            .map(|&bound| Some(Duration::from_nanos(bound)));
        (measured > 0).then(|| CallStats {
            callback,
            measured,
            total: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)),
            buckets: bounds.chain([None]).zip(counts).collect(),
        })
    }
}

/// Says which callbacks of a VM are measured: how many are left out until the next one.
#[derive(Debug, Default)]
pub(super) struct Sampler(u32);

impl Sampler {
    /// The time now, if the callback that begins is to be measured. The first one is.
    pub(super) fn begin(&mut self) -> Option<Instant> {
        if let Some(left) = self.0.checked_sub(1) {
            self.0 = left;
            return None;
        }
        self.0 = SAMPLE - 1;
        Some(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_own_bound() {
        let durations = Durations::default();
        for nanoseconds in [0, 1_000, 1_001, 100_000_000, 100_000_001] {
            durations.add("proxy_on_log", Duration::from_nanos(nanoseconds));
        }
        durations.add("no_such_callback", Duration::ZERO);
        let stats = durations.stats();
        assert_eq!(stats.len(), 1);
        assert_eq!((stats[0].callback, stats[0].measured), ("proxy_on_log", 5));
        let counts: Vec<_> = stats[0].buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!((counts[0], counts[1]), (2, 1));
        assert_eq!(counts[BOUNDS.len() - 1..], [1, 1]);
    }

    #[test]
    fn each_of_a_request_s_callbacks_has_its_turn() {
        for callbacks in 1..12 {
            let mut sampler = Sampler::default();
            let mut measured = vec![false; callbacks];
            for _ in 0..SAMPLE {
                for callback in &mut measured {
                    *callback |= sampler.begin().is_some();
                }
            }
            assert!(measured.iter().all(|one| *one), "{callbacks}");
        }
    }
}
