//! What `cargo bench -p loom-benches` measured, as criterion keeps it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use serde_json::Value;

/// The file in which criterion keeps what it found.
const ESTIMATES: &str = "estimates.json";

/// Medians in nanoseconds of CPU time, by the benchmark's name.
#[derive(Debug, Default)]
pub(super) struct Library {
    medians: BTreeMap<String, f64>,
    oldest: Option<SystemTime>,
}

impl Library {
    /// What is in `target/criterion`, which may be nothing.
    pub(super) fn read(root: &Path) -> Self {
        let mut library = Self::default();
        library.add(&root.join("target").join("criterion"));
        library
    }

    /// As if these medians had been measured, in nanoseconds.
    #[cfg(test)]
    pub(super) fn of(medians: &[(&str, f64)]) -> Self {
        let medians = medians.iter();
        Self {
            medians: medians
                .map(|&(name, time)| (name.to_owned(), time))
                .collect(),
            oldest: None,
        }
    }

    fn add(&mut self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if !path.is_dir() {
                continue;
            }
            if !path.ends_with("new") {
                self.add(&path);
            } else if let Some((name, median)) = median(&path) {
                self.medians.insert(name, median);
                // The file's own time: writing it anew does not change the folder's.
                let file = fs::metadata(path.join(ESTIMATES));
                let written = file.and_then(|file| file.modified()).ok();
                self.oldest = [self.oldest, written].into_iter().flatten().min();
            }
        }
    }

    pub(super) fn nanoseconds(&self, name: &str) -> Option<f64> {
        self.medians.get(name).copied()
    }

    /// When the first of them was measured.
    pub(super) fn oldest(&self) -> Option<SystemTime> {
        self.oldest
    }

    /// All of them, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.medians
            .iter()
            .map(|(name, median)| (name.as_str(), *median))
    }
}

fn median(folder: &Path) -> Option<(String, f64)> {
    let read = |file: &str| -> Option<Value> {
        serde_json::from_slice(&fs::read(folder.join(file)).ok()?).ok()
    };
    let name = read("benchmark.json")?["full_id"].as_str()?.to_owned();
    let median = read(ESTIMATES)?["median"]["point_estimate"].as_f64()?;
    Some((name, median))
}
