//! Metrics: counters, gauges and histograms by name, one set for all VMs (Proxy-Wasm 0.2.1, `proxy_define_metric`).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use super::snapshot::{Histogram, Metric, MetricValue};
use crate::limits;

/// What a metric counts (`proxy_metric_type_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

impl MetricKind {
    pub(crate) const COUNT: usize = 3;

    /// The kind of this number, if there is one.
    pub(crate) const fn from_abi(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Counter,
            1 => Self::Gauge,
            2 => Self::Histogram,
            _ => return None,
        })
    }
}

/// The delta does not suit the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unsuitable;

/// Where metrics are known by name. Their values are counted in this process, without a lock.
pub(crate) trait MetricStore: fmt::Debug + Send + Sync {
    /// The metric of this kind and name, made if it is new; one name of two kinds is two metrics, as in Envoy. `None`: a
    /// limit is reached.
    fn define(&self, kind: MetricKind, name: &str) -> Option<Arc<Series>>;

    /// All metrics as they are now, by name and then by kind.
    fn snapshot(&self) -> Vec<Metric>;
}

/// One metric.
#[derive(Debug)]
pub(crate) struct Series {
    name: Arc<str>,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Counter(AtomicU64),
    Gauge(AtomicU64),
    Histogram(Box<Cells>),
}

/// A histogram that is being filled.
#[derive(Debug)]
struct Cells {
    /// One for each of [`Histogram::BOUNDS`], and one for what is above.
    counts: [AtomicU64; Histogram::BOUNDS.len() + 1],
    sum: AtomicU64,
}

impl Series {
    fn new(kind: MetricKind, name: &str) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            value: match kind {
                MetricKind::Counter => Value::Counter(AtomicU64::default()),
                MetricKind::Gauge => Value::Gauge(AtomicU64::default()),
                MetricKind::Histogram => Value::Histogram(Box::new(Cells {
                    counts: std::array::from_fn(|_| AtomicU64::default()),
                    sum: AtomicU64::default(),
                })),
            },
        })
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn kind(&self) -> MetricKind {
        match self.value {
            Value::Counter(_) => MetricKind::Counter,
            Value::Gauge(_) => MetricKind::Gauge,
            Value::Histogram(_) => MetricKind::Histogram,
        }
    }

    /// Adds to a counter, which only goes up, or to a gauge, which stops at zero.
    pub(crate) fn increment(&self, delta: i64) -> Result<(), Unsuitable> {
        match &self.value {
            Value::Counter(cell) if delta > 0 => {
                cell.fetch_add(delta.unsigned_abs(), Ordering::Relaxed);
                Ok(())
            }
            Value::Gauge(cell) => {
                update(cell, |value| value.saturating_add_signed(delta));
                Ok(())
            }
            Value::Counter(_) | Value::Histogram(_) => Err(Unsuitable),
        }
    }

    /// Adds to a counter, sets a gauge, or counts an observation.
    pub(crate) fn record(&self, value: u64) {
        match &self.value {
            Value::Counter(cell) => {
                cell.fetch_add(value, Ordering::Relaxed);
            }
            Value::Gauge(cell) => cell.store(value, Ordering::Relaxed),
            Value::Histogram(cells) => cells.observe(value),
        }
    }

    /// The value of a counter or gauge.
    pub(crate) fn get(&self) -> Option<u64> {
        match &self.value {
            Value::Counter(cell) | Value::Gauge(cell) => Some(cell.load(Ordering::Relaxed)),
            Value::Histogram(_) => None,
        }
    }

    fn snapshot(&self) -> Metric {
        let value = match &self.value {
            Value::Counter(cell) => MetricValue::Counter(cell.load(Ordering::Relaxed)),
            Value::Gauge(cell) => MetricValue::Gauge(cell.load(Ordering::Relaxed)),
            Value::Histogram(cells) => MetricValue::Histogram(Histogram::new(
                cells
                    .counts
                    .iter()
                    .map(|count| count.load(Ordering::Relaxed))
                    .collect(),
                cells.sum.load(Ordering::Relaxed),
            )),
        };
        Metric::new(&self.name, value)
    }
}

impl Cells {
    fn observe(&self, value: u64) {
        let at = Histogram::BOUNDS.partition_point(|&bound| bound < value);
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        update(&self.sum, |sum| sum.saturating_add(value));
    }
}

fn update(cell: &AtomicU64, change: impl Fn(u64) -> u64) {
    // It cannot fail: there is always a next value.
    let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |value| {
        Some(change(value))
    });
}

/// The metrics of this process.
#[derive(Debug)]
pub(crate) struct MemoryMetrics {
    series: RwLock<[HashMap<Arc<str>, Arc<Series>>; MetricKind::COUNT]>,
    most_series: usize,
}

impl Default for MemoryMetrics {
    fn default() -> Self {
        Self {
            series: RwLock::default(),
            most_series: limits::METRICS,
        }
    }
}

impl MetricStore for MemoryMetrics {
    fn define(&self, kind: MetricKind, name: &str) -> Option<Arc<Series>> {
        if let Some(series) = self.series.read()[kind as usize].get(name) {
            return Some(Arc::clone(series));
        }
        if name.len() > limits::SHARED_NAME_BYTES {
            return None;
        }
        let mut all = self.series.write();
        let count: usize = all.iter().map(HashMap::len).sum();
        let of_kind = &mut all[kind as usize];
        if count >= self.most_series && !of_kind.contains_key(name) {
            return None;
        }
        let series = of_kind
            .entry(name.into())
            .or_insert_with(|| Series::new(kind, name));
        Some(Arc::clone(series))
    }

    fn snapshot(&self) -> Vec<Metric> {
        let mut all: Vec<_> = {
            let series = self.series.read();
            series
                .iter()
                .flat_map(HashMap::values)
                .map(Arc::clone)
                .collect()
        };
        all.sort_by(|a, b| (a.name(), a.kind()).cmp(&(b.name(), b.kind())));
        all.iter().map(|series| series.snapshot()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn define(kind: MetricKind) -> Arc<Series> {
        let store = MemoryMetrics::default();
        store.define(kind, "m").expect("there is room")
    }

    #[test]
    fn a_counter_goes_up_only() {
        let counter = define(MetricKind::Counter);
        assert_eq!(counter.increment(5), Ok(()));
        for delta in [0, -1, i64::MIN] {
            assert_eq!(counter.increment(delta), Err(Unsuitable), "{delta}");
        }
        counter.record(2);
        assert_eq!(counter.get(), Some(7));
    }

    #[test]
    fn a_gauge_stops_at_both_ends() {
        let gauge = define(MetricKind::Gauge);
        gauge.record(10);
        for (delta, wanted) in [(-3, 7), (-9, 0), (4, 4), (i64::MIN, 0)] {
            assert_eq!(gauge.increment(delta), Ok(()));
            assert_eq!(gauge.get(), Some(wanted), "{delta}");
        }
        gauge.record(u64::MAX);
        assert_eq!(gauge.increment(1), Ok(()));
        assert_eq!(gauge.get(), Some(u64::MAX));
    }

    #[test]
    fn a_histogram_sorts_into_buckets() {
        let store = MemoryMetrics::default();
        let series = store.define(MetricKind::Histogram, "h").expect("room");
        for value in [0, 1, 2, 3, 5, u64::MAX] {
            series.record(value);
        }
        assert_eq!(series.increment(1), Err(Unsuitable));
        assert_eq!(series.get(), None);
        let all = store.snapshot();
        let MetricValue::Histogram(histogram) = all[0].value() else {
            panic!("{all:?}");
        };
        assert_eq!((histogram.count(), histogram.sum()), (6, u64::MAX));
        let first: Vec<_> = histogram.buckets().take(4).collect();
        assert_eq!(first, [(1, 2), (2, 3), (5, 5), (10, 5)]);
        assert_eq!(histogram.buckets().last(), Some((1_000_000_000, 5)));
    }

    #[test]
    fn one_name_of_two_kinds_is_two_metrics() {
        let store = MemoryMetrics::default();
        for (kind, name) in [
            (MetricKind::Gauge, "b"),
            (MetricKind::Counter, "b"),
            (MetricKind::Counter, "a"),
            (MetricKind::Counter, "a"),
        ] {
            store.define(kind, name).expect("there is room").record(1);
        }
        let all = store.snapshot();
        let seen: Vec<_> = all.iter().map(|m| (m.name(), m.value().clone())).collect();
        assert_eq!(
            seen,
            [
                ("a", MetricValue::Counter(2)),
                ("b", MetricValue::Counter(1)),
                ("b", MetricValue::Gauge(1)),
            ]
        );
    }

    #[test]
    fn their_number_and_names_are_bounded() {
        let store = MemoryMetrics {
            most_series: 2,
            ..MemoryMetrics::default()
        };
        assert!(store.define(MetricKind::Counter, "a").is_some());
        assert!(store.define(MetricKind::Gauge, "a").is_some());
        assert!(store.define(MetricKind::Histogram, "a").is_none());
        assert!(store.define(MetricKind::Counter, "a").is_some(), "known");
        let long = "n".repeat(limits::SHARED_NAME_BYTES + 1);
        let store = MemoryMetrics::default();
        assert!(store.define(MetricKind::Counter, &long).is_none());
    }

    #[test]
    fn no_increment_is_lost_between_threads() {
        let store = MemoryMetrics::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let gauge = store.define(MetricKind::Gauge, "g").expect("room");
                    let histogram = store.define(MetricKind::Histogram, "h").expect("room");
                    for i in 0..1000 {
                        gauge.increment(2).expect("a gauge");
                        gauge.increment(-1).expect("a gauge");
                        histogram.record(i);
                    }
                });
            }
        });
        let all = store.snapshot();
        assert_eq!(*all[0].value(), MetricValue::Gauge(8000));
        let MetricValue::Histogram(histogram) = all[1].value() else {
            panic!("{all:?}");
        };
        assert_eq!(histogram.count(), 8000);
        assert_eq!(histogram.sum(), 8 * (0..1000).sum::<u64>());
    }
}
