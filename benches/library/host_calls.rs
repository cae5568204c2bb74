//! What one host call costs, without the callback that it is made in.

use std::time::Duration;

use criterion::{Bencher, Criterion};
use http::Request;
use loom_benches::{CpuTime, Guest, bare, cpu_time, fields, run, thread_runtime};
use tower::Layer;

/// Host calls in one callback: the cost of the callback is then below a thousandth of what is seen.
const ROUNDS: u32 = 1000;

/// Name, headers of the request, PREPARATION and CALL.
const CALLS: [(&str, usize, &str, &str); 9] = [
    ("nothing but the time", 10, "", "(call $now (i32.const 16))"),
    (
        "header get",
        10,
        "",
        "(call $get (i32.const 0) (i32.const 1056) (i32.const 6) (i32.const 16) (i32.const 20))",
    ),
    (
        "header replace",
        10,
        "",
        "(call $replace (i32.const 0) (i32.const 1056) (i32.const 6) (i32.const 1040) (i32.const 8))",
    ),
    (
        "header add and remove",
        10,
        "",
        "(i32.or
           (call $add (i32.const 0) (i32.const 1024) (i32.const 7) (i32.const 1040) (i32.const 8))
           (call $remove (i32.const 0) (i32.const 1024) (i32.const 7)))",
    ),
    (
        "pairs encode/10",
        10,
        "",
        "(call $get_pairs (i32.const 0) (i32.const 16) (i32.const 20))",
    ),
    (
        "pairs encode/50",
        50,
        "",
        "(call $get_pairs (i32.const 0) (i32.const 16) (i32.const 20))",
    ),
    (
        "pairs decode/10",
        10,
        "(drop (call $get_pairs (i32.const 0) (i32.const 16) (i32.const 20)))",
        "(call $set_pairs (i32.const 0) (i32.load (i32.const 16)) (i32.load (i32.const 20)))",
    ),
    (
        "pairs decode/50",
        50,
        "(drop (call $get_pairs (i32.const 0) (i32.const 16) (i32.const 20)))",
        "(call $set_pairs (i32.const 0) (i32.load (i32.const 16)) (i32.load (i32.const 20)))",
    ),
    (
        "property",
        10,
        "",
        "(call $get_property (i32.const 1088) (i32.const 12) (i32.const 16) (i32.const 20))",
    ),
];

pub(crate) fn measure(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("host call");
    for (name, headers, preparation, call) in CALLS {
        let guest = Guest::host_call(ROUNDS, preparation, call);
        group.bench_function(name, |b| calls(b, &guest, || fields(headers)));
    }
    group.finish();
}

/// Criterion counts host calls, so the time of a request is divided by those in it.
fn calls(
    bencher: &mut Bencher<'_, CpuTime>,
    guest: &Guest,
    request: impl Fn() -> Request<http_body_util::Full<bytes::Bytes>>,
) {
    let mut service = guest.load().layer(bare());
    let runtime = thread_runtime();
    bencher.iter_custom(|times| {
        let requests = times.div_ceil(u64::from(ROUNDS));
        let taken = runtime.block_on(async {
            let begin = cpu_time();
            for _ in 0..requests {
                run(&mut service, request()).await;
            }
            cpu_time() - begin
        });
        scaled(taken, times, requests * u64::from(ROUNDS))
    });
}

/// The time of `some` calls, of which `all` took `taken`.
pub(crate) fn scaled(taken: Duration, some: u64, all: u64) -> Duration {
    Duration::from_secs_f64(taken.as_secs_f64() * some as f64 / all as f64)
}
