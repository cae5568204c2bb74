//! Fuzzing: functions that take any bytes and panic when a rule does not hold, and a runner for them.
//!
//! The targets are plain functions. `fuzz_targets/` makes a program of libFuzzer of each, for `cargo fuzz`; the runner here
//! needs a stable compiler alone, and does the same for the same seed.

pub mod engine;
pub mod targets;
