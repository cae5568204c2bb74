//! How often what is run, and between which two looks at the clock.

use criterion::Bencher;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use loom_benches::{CpuTime, cpu_time, run, thread_runtime};
use tower::Service;

use bytes::Bytes;

/// Sends one request after the other, made anew each time: that belongs to what is measured, so `bare` is measured too.
pub(crate) fn requests<S, RB>(
    bencher: &mut Bencher<'_, CpuTime>,
    mut service: S,
    request: impl Fn() -> Request<Full<Bytes>>,
) where
    S: Service<Request<Full<Bytes>>, Response = Response<RB>>,
    S::Error: std::fmt::Debug,
    RB: Body<Data = Bytes>,
    RB::Error: std::fmt::Debug,
{
    let runtime = thread_runtime();
    bencher.iter_custom(|times| {
        runtime.block_on(async {
            let begin = cpu_time();
            for _ in 0..times {
                run(&mut service, request()).await;
            }
            cpu_time() - begin
        })
    });
}
