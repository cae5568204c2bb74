//! Shared data, from one thread and from all of them.

use std::thread;
use std::time::Duration;

use criterion::{Bencher, Criterion};
use loom_benches::{CpuTime, Guest, bare, cpu_time, get, run, thread_runtime};
use loom_layer::LoomPlugin;
use tower::Layer;

use crate::host_calls::scaled;

/// Host calls in one callback.
const ROUNDS: u32 = 1000;

/// Name and CALL.
const CALLS: [(&str, &str); 2] = [
    (
        "get",
        "(call $get_data (i32.const 1104) (i32.const 3) (i32.const 16) (i32.const 20) (i32.const 24))",
    ),
    ("get and compare-and-swap", "(call $count)"),
];

pub(crate) fn measure(criterion: &mut Criterion<CpuTime>) {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let mut group = criterion.benchmark_group("shared data");
    for (name, call) in CALLS {
        for (whose, threads) in [("one thread", 1), ("all threads", cores)] {
            let plugin = Guest::host_call(ROUNDS, "", call).load_with_instances(threads);
            group.bench_function(format!("{name}/{whose}"), |b| {
                calls(b, &plugin, threads);
            });
        }
    }
    group.finish();
}

/// CPU time per call, over the calls of all threads.
fn calls(bencher: &mut Bencher<'_, CpuTime>, plugin: &LoomPlugin, threads: usize) {
    while plugin.instances() < threads {
        thread::sleep(Duration::from_millis(1));
    }
    bencher.iter_custom(|times| {
        let requests = times.div_ceil(u64::from(ROUNDS) * threads as u64);
        let begin = cpu_time();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    thread_runtime().block_on(async {
                        let mut service = plugin.layer(bare());
                        for _ in 0..requests {
                            run(&mut service, get()).await;
                        }
                    });
                });
            }
        });
        let calls = requests * u64::from(ROUNDS) * threads as u64;
        scaled(cpu_time() - begin, times, calls)
    });
}
