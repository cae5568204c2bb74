//! `cargo bench -p loom-benches`: what the library costs, in CPU time.
//!
//! `cargo bench -p loom-benches -- layer` runs what has `layer` in its name; `--save-baseline` and `--baseline` compare
//! with an earlier state.

mod bodies;
mod host_calls;
mod layer;
mod loading;
mod routes;
mod shared;
mod timing;

use criterion::Criterion;
use loom_benches::CpuTime;

fn main() {
    let mut criterion = Criterion::default()
        .with_measurement(CpuTime)
        .configure_from_args();
    layer::measure(&mut criterion);
    bodies::measure(&mut criterion);
    host_calls::measure(&mut criterion);
    shared::measure(&mut criterion);
    loading::measure(&mut criterion);
    routes::measure(&mut criterion);
    criterion.final_summary();
}
