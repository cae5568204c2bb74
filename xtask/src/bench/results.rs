//! What was measured, as it is kept in `target/bench`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::stats;
use super::subjects::Kind;
use crate::Error;

/// One run of the bench.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Results {
    pub(super) machine: Machine,
    /// By program, as each says itself.
    pub(super) versions: BTreeMap<String, String>,
    /// What could not be measured, and why.
    pub(super) absent: Vec<String>,
    pub(super) seconds_per_round: u64,
    pub(super) cases: Vec<CaseResults>,
}

/// What it ran on, and when.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) date: String,
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) memory_gib: u64,
    pub(super) system: String,
    pub(super) commit: String,
    /// Tasks that could run, on the average of the last minute, before the first round.
    pub(super) load_before: f64,
}

/// All subjects of one case.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CaseResults {
    pub(super) name: String,
    /// What clients of TLS settle on with each of them.
    #[serde(default)]
    pub(super) settled: Option<String>,
    pub(super) subjects: Vec<SubjectResults>,
}

/// One subject in one case.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SubjectResults {
    pub(super) subject: Kind,
    pub(super) workers: usize,
    /// At saturation, in the order in which they were.
    #[serde(default)]
    pub(super) rounds: Vec<Round>,
    /// At a fixed rate.
    #[serde(default)]
    pub(super) latencies: Vec<Latency>,
    /// Resident memory after the last round.
    #[serde(default)]
    pub(super) resident_kib: u64,
    /// Memory that each of many things takes, in bytes.
    #[serde(default)]
    pub(super) bytes_each: Option<f64>,
    /// How many of these things there were.
    #[serde(default)]
    pub(super) things: Option<usize>,
    /// From its start to its first answer, in milliseconds.
    #[serde(default)]
    pub(super) start_ms: Vec<f64>,
    /// From a signal to the first answer by the new configuration, in milliseconds.
    #[serde(default)]
    pub(super) reload_ms: Vec<f64>,
    #[serde(default)]
    pub(super) reloading: Option<Reloading>,
}

/// Changes of the configuration.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Reloading {
    /// Of all processes for one change without load, with what ends after it.
    pub(super) cpu_ms: f64,
    /// Under load, one each second.
    pub(super) changes: u64,
    /// Without and with these changes.
    pub(super) quiet_per_second: f64,
    pub(super) requests_per_second: f64,
    /// Requests that were answered meanwhile, and that failed.
    pub(super) answered: u64,
    pub(super) failed: u64,
}

/// One round at saturation.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Round {
    pub(super) requests: u64,
    pub(super) requests_per_second: f64,
    /// Of all processes of the subject.
    pub(super) cpu_us_per_request: f64,
}

/// One round at a fixed rate.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Latency {
    pub(super) rate: u64,
    pub(super) p50_us: f64,
    pub(super) p90_us: f64,
    pub(super) p99_us: f64,
}

impl Results {
    pub(super) fn case(&self, name: &str) -> Option<&CaseResults> {
        self.cases.iter().find(|case| case.name == name)
    }

    /// Writes it into a file, in one step.
    pub(super) fn write(&self, file: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::because("the results are not JSON", e))?;
        fs::write(file, text + "\n")
            .map_err(|e| Error::because(format!("cannot write {}", file.display()), e))
    }
}

impl Results {
    pub(super) fn read(file: &Path) -> Result<Self, Error> {
        let what = || {
            format!(
                "cannot read {}: run `cargo xtask bench gateway`",
                file.display()
            )
        };
        let text = fs::read_to_string(file).map_err(|e| Error::because(what(), e))?;
        serde_json::from_str(&text).map_err(|e| Error::because(what(), e))
    }
}

impl CaseResults {
    pub(super) fn subject(&self, kind: Kind) -> Option<&SubjectResults> {
        self.subjects.iter().find(|row| row.subject == kind)
    }
}

impl SubjectResults {
    pub(super) fn new(subject: Kind, workers: usize) -> Self {
        Self {
            subject,
            workers,
            rounds: Vec::new(),
            latencies: Vec::new(),
            resident_kib: 0,
            bytes_each: None,
            things: None,
            start_ms: Vec::new(),
            reload_ms: Vec::new(),
            reloading: None,
        }
    }

    /// The median of all rounds, in microseconds per request.
    pub(super) fn cpu(&self) -> f64 {
        stats::median(self.rounds.iter().map(|round| round.cpu_us_per_request))
    }

    pub(super) fn cpu_spread(&self) -> f64 {
        stats::spread(self.rounds.iter().map(|round| round.cpu_us_per_request))
    }

    pub(super) fn requests_per_second(&self) -> f64 {
        stats::median(self.rounds.iter().map(|round| round.requests_per_second))
    }
}
