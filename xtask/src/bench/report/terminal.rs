//! The results of one case as lines.

use std::error::Error as _;

use crate::Error;
use crate::bench::cases::Case;
use crate::bench::results::{CaseResults, Latency, SubjectResults};
use crate::bench::stats;

pub(in crate::bench) fn print(case: &Case, results: &CaseResults) {
    println!("\n{} ({})", case.title, case.name);
    if let Some(settled) = &results.settled {
        println!("  {settled}");
    }
    for row in &results.subjects {
        println!("  {:8} {}", row.subject.name(), line(row));
    }
}

/// Why a case could not be measured.
pub(in crate::bench) fn complain(error: &Error) {
    eprintln!("  failed: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("    because: {error}");
        cause = error.source();
    }
}

fn line(row: &SubjectResults) -> String {
    let memory = format!("{:.1} MiB", row.resident_kib as f64 / 1024.0);
    if !row.rounds.is_empty() {
        return format!("{}, {memory}", under_load(row));
    }
    let mut parts = Vec::new();
    if !row.start_ms.is_empty() {
        let middle = stats::median(row.start_ms.clone());
        parts.push(format!("{middle:.0} ms to the first answer"));
    }
    if let Some(bytes) = row.bytes_each {
        let count = row.things.unwrap_or(0);
        parts.push(format!("{:.1} KiB each of {count}", bytes / 1024.0));
    }
    if let Some(reloading) = &row.reloading {
        let middle = stats::median(row.reload_ms.clone());
        parts.push(format!(
            "{middle:.0} ms until it is in force, {:.0} ms CPU; under load {} reloads, {:.0} requests/s (without {:.0}), {} failed",
            reloading.cpu_ms,
            reloading.changes,
            reloading.requests_per_second,
            reloading.quiet_per_second,
            reloading.failed,
        ));
    }
    parts.push(memory);
    parts.join(", ")
}

fn under_load(row: &SubjectResults) -> String {
    let middle = |value: fn(&Latency) -> f64| stats::median(row.latencies.iter().map(value)) / 1e3;
    format!(
        "{:8.2} us CPU/request (spread {:2.0} %), {:6.0} requests/s, at {}/s p50 {:.2} p90 {:.2} p99 {:.2} ms",
        row.cpu(),
        100.0 * row.cpu_spread(),
        row.requests_per_second(),
        row.latencies.first().map_or(0, |latency| latency.rate),
        middle(|latency| latency.p50_us),
        middle(|latency| latency.p90_us),
        middle(|latency| latency.p99_us),
    )
}
