//! The layer around a service that does nothing.

use criterion::Criterion;
use loom_benches::{CpuTime, Guest, GuestAlone, bare, get, headers};
use loom_layer::LoomChain;
use tower::Layer;

use crate::timing::requests;

pub(crate) fn measure(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("layer");
    group.bench_function("bare service", |b| requests(b, bare(), get));
    group.bench_function("no plugin", |b| {
        requests(b, LoomChain::new([]).layer(bare()), get);
    });
    let mut alone = GuestAlone::load().expect("a plugin");
    group.bench_function("header plugin without a host", |b| {
        b.iter(|| alone.request().expect("no trap"));
    });
    let nothing = Guest::nothing().load();
    group.bench_function("plugin without callbacks", |b| {
        requests(b, nothing.layer(bare()), get);
    });
    for count in [1, 5, 10] {
        let chain = headers(count);
        group.bench_function(format!("header plugin x{count}"), |b| {
            requests(b, chain.layer(bare()), get);
        });
    }
    let reply = Guest::reply().load();
    group.bench_function("local reply", |b| requests(b, reply.layer(bare()), get));
    group.finish();
}
