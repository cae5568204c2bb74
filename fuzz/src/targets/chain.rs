//! The state machine of a stream through several plugins.

use super::Target;

pub(super) const TARGET: Target = Target {
    name: "chain",
    about: "the state machine: any plugins, any bodies, any order of events, without wasm",
    run,
    seeds,
    words: &[],
    longest: 512,
    short_run: 20_000,
};

/// Plays the run that the bytes decide: one byte is one decision.
///
/// # Panics
///
/// When a rule of the simulation is broken.
pub fn run(data: &[u8]) {
    if let Some(why) = loom_layer::fuzzing::chain(data) {
        panic!("{why}");
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut seed = |length| (0..length).map(|_| random.u8(..)).collect();
    [0, 8, 32, 64, 128, 256, 512]
        .into_iter()
        .map(&mut seed)
        .collect()
}
