//! `requests PATH COUNT` sends requests through the layer and does nothing else: something for a profiler to look at.
//!
//! [`measured`] is what a profiler may be told to look at alone.

use std::env;
use std::hint::black_box;
use std::process::ExitCode;

use loom_benches::{PATHS, Requests, path};

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let requests = arguments.next().and_then(|name| path(&name));
    let count = arguments.next().and_then(|count| count.parse().ok());
    let (Some(mut requests), Some(count)) = (requests, count) else {
        eprintln!(
            "usage: requests PATH COUNT\nPATH is one of: {}",
            PATHS.join(", ")
        );
        return ExitCode::FAILURE;
    };
    // What only the first requests have to do is done before.
    requests(16);
    measured(&mut requests, count);
    ExitCode::SUCCESS
}

#[inline(never)]
fn measured(requests: &mut Requests, count: u64) {
    requests(black_box(count));
}
