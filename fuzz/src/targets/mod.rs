//! The targets.

pub mod chain;
pub mod config;
pub mod host_calls;
pub mod pairs;
pub mod path;
pub mod proxy_header;
mod seeds;

/// Something that takes any bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it tries.
    pub about: &'static str,
    /// Runs it once; a panic says that a rule does not hold.
    pub run: fn(&[u8]),
    /// Where inputs come from.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What is worth writing into an input.
    pub words: &'static [&'static str],
    /// The longest input.
    pub longest: usize,
    /// How many executions are a short run: some seconds without optimisation.
    pub short_run: u64,
}

/// All of them.
pub const ALL: &[Target] = &[
    pairs::TARGET,
    path::TARGET,
    proxy_header::TARGET,
    config::TARGET,
    chain::TARGET,
    host_calls::TARGET,
];
