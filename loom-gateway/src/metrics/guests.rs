//! The metrics that plugins define themselves, under the names that they gave.

use std::collections::HashSet;
use std::fmt;

use loom_layer::{Histogram, Metric, MetricValue};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

const HELP: &str = "A plugin's own metric.";

/// The metrics with names that Prometheus takes.
#[derive(Debug)]
pub(super) struct Guests(Vec<(String, Metric)>);

impl Guests {
    pub(super) fn new(metrics: Vec<Metric>) -> Self {
        let mut taken = HashSet::new();
        let named = metrics.into_iter().map(|metric| {
            let kind = match metric.value() {
                MetricValue::Gauge(_) => "gauge",
                MetricValue::Histogram(_) => "histogram",
                _ => "counter",
            };
            (unique(metric.name(), kind, &mut taken), metric)
        });
        Self(named.collect())
    }
}

/// A name that Prometheus takes, that is not the gateway's, and that no other metric has. A plugin may use any text, and
/// one text for two kinds.
fn unique(name: &str, kind: &str, taken: &mut HashSet<String>) -> String {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let mut fit: String = name
        .chars()
        .map(|c| if is_fit(c) { c } else { '_' })
        .collect();
    if fit.is_empty() || fit.starts_with("loom_") || fit.starts_with(|c: char| c.is_ascii_digit()) {
        fit.insert_str(0, "plugin_");
    }
    // `_total` is put behind a counter's name when it is written.
    let base = fit
        .strip_suffix("_total")
        .filter(|_| kind == "counter")
        .unwrap_or(&fit);
    let base = base.to_owned();
    let mut unique = base.clone();
    let mut number = 1;
    while !taken.insert(unique.clone()) {
        unique = match number {
            1 => format!("{base}_{kind}"),
            _ => format!("{base}_{kind}_{number}"),
        };
        number += 1;
    }
    unique
}

impl Collector for Guests {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, metric) in &self.0 {
            match metric.value() {
                MetricValue::Counter(value) => encoder
                    .encode_descriptor(name, HELP, None, MetricType::Counter)?
                    .encode_counter::<NoLabelSet, _, u64>(value, None)?,
                MetricValue::Gauge(value) => encoder
                    .encode_descriptor(name, HELP, None, MetricType::Gauge)?
                    .encode_gauge(value)?,
                MetricValue::Histogram(histogram) => encoder
                    .encode_descriptor(name, HELP, None, MetricType::Histogram)?
                    .encode_histogram::<NoLabelSet>(
                        to_f64(histogram.sum()),
                        histogram.count(),
                        &buckets(histogram),
                        None,
                    )?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// The encoder wants each bucket's own count.
fn buckets(histogram: &Histogram) -> Vec<(f64, u64)> {
    let mut below = 0;
    histogram
        .buckets()
        .map(|(bound, total)| (to_f64(bound), total - std::mem::replace(&mut below, total)))
        .collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Prometheus has no other numbers"
)]
fn to_f64(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_that_prometheus_takes_and_no_other_has() {
        let mut taken = HashSet::new();
        let mut name = |name: &str, kind: &str| unique(name, kind, &mut taken);
        assert_eq!(name("requests.by-path", "counter"), "requests_by_path");
        assert_eq!(
            name("requests_by_path", "counter"),
            "requests_by_path_counter"
        );
        assert_eq!(
            name("requests/by/path", "counter"),
            "requests_by_path_counter_2"
        );
        assert_eq!(name("requests.by-path", "gauge"), "requests_by_path_gauge");
        assert_eq!(name("loom_requests", "counter"), "plugin_loom_requests");
        assert_eq!(name("5xx", "counter"), "plugin_5xx");
        assert_eq!(name("", "gauge"), "plugin_");
        assert_eq!(name("größe", "gauge"), "gr__e");
        assert_eq!(name("hits_total", "counter"), "hits");
    }
}
