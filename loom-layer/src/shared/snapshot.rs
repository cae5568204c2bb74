//! Metrics as an application reads them.

use std::sync::Arc;

/// A metric that plugins defined, as it stood when [`LoomRuntime::metrics`](crate::LoomRuntime::metrics) was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    name: Arc<str>,
    value: MetricValue,
}

/// The kind of a [`Metric`], and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricValue {
    /// A number that only grows.
    Counter(u64),
    /// A number that goes up and down, and not below zero.
    Gauge(u64),
    /// How many observations fell into which range.
    Histogram(Histogram),
}

/// The observations of one histogram, by size.
///
/// The ABI says neither what unit a plugin observes nor in which range, so the buckets have to suit milliseconds,
/// microseconds and bytes alike: they end at 1, 2, 5, 10, 20, 50 and so on up to a thousand million.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    /// One for each of [`BOUNDS`](Self::BOUNDS), and one for what is above.
    counts: Box<[u64]>,
    sum: u64,
}

impl Metric {
    pub(super) fn new(name: &Arc<str>, value: MetricValue) -> Self {
        Self {
            name: Arc::clone(name),
            value,
        }
    }

    /// The name that the plugin gave: any text. One name of two kinds is two metrics.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kind and value.
    pub fn value(&self) -> &MetricValue {
        &self.value
    }
}

impl Histogram {
    /// The largest value of each bucket but the last, which has no end.
    pub const BOUNDS: &'static [u64] = &[
        1,
        2,
        5,
        10,
        20,
        50,
        100,
        200,
        500,
        1_000,
        2_000,
        5_000,
        10_000,
        20_000,
        50_000,
        100_000,
        200_000,
        500_000,
        1_000_000,
        2_000_000,
        5_000_000,
        10_000_000,
        20_000_000,
        50_000_000,
        100_000_000,
        200_000_000,
        500_000_000,
        1_000_000_000,
    ];

    pub(super) fn new(counts: Box<[u64]>, sum: u64) -> Self {
        Self { counts, sum }
    }

    /// How many observations there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of all observations; it stops at the largest number.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// Each of [`BOUNDS`](Self::BOUNDS), and how many observations are not larger: cumulative, as Prometheus has it. The
    /// bucket without an end is [`count`](Self::count).
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut total = 0;
        Self::BOUNDS
            .iter()
            .zip(&self.counts)
            .map(move |(&bound, &count)| {
                total += count;
                (bound, total)
            })
    }
}
