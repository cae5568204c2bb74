//! What is shown of the results.

use super::cases::Case;
use super::results::{CaseResults, SubjectResults};
use super::stats;

/// A table of one case for the terminal.
pub(super) fn print(case: &Case, results: &CaseResults) {
    println!("\n{} ({})", case.title, case.name);
    for row in &results.subjects {
        println!("  {:8} {}", row.subject.name(), line(row));
    }
}

fn line(row: &SubjectResults) -> String {
    if !row.rounds.is_empty() {
        let middle = |value: fn(&super::results::Latency) -> f64| {
            stats::median(row.latencies.iter().map(value))
        };
        return format!(
            "{:8.2} us CPU/request (spread {:2.0} %)  {:7.0} requests/s  at {} requests/s: p50 {:.0} us, p90 {:.0} us, p99 {:.0} us  {:.1} MiB",
            row.cpu(),
            100.0 * row.cpu_spread(),
            row.requests_per_second(),
            row.latencies.first().map_or(0, |latency| latency.rate),
            middle(|latency| latency.p50_us),
            middle(|latency| latency.p90_us),
            middle(|latency| latency.p99_us),
            row.resident_kib as f64 / 1024.0,
        );
    }
    let mut parts = Vec::new();
    if !row.start_ms.is_empty() {
        parts.push(format!(
            "{:.0} ms until it listens",
            stats::median(row.start_ms.clone())
        ));
    }
    if let Some(bytes) = row.bytes_each {
        parts.push(format!("{:.1} KiB each", bytes / 1024.0));
    }
    parts.push(format!(
        "{:.1} MiB in all",
        row.resident_kib as f64 / 1024.0
    ));
    parts.join(", ")
}
