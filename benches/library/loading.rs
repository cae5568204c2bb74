//! From a file to a plugin that runs.

use std::time::Duration;

use criterion::{BatchSize, Criterion};
use loom_benches::{CpuTime, header_plugin};
use loom_layer::{CompileCache, LoomPlugin, LoomRuntime};

pub(crate) fn measure(criterion: &mut Criterion<CpuTime>) {
    let cache = tempfile::tempdir().expect("a folder");
    let cache = || CompileCache::Directory(cache.path().to_path_buf());
    let mut group = criterion.benchmark_group("loading");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(3));

    group.bench_function("module, cold", |b| {
        b.iter_batched(
            || runtime(CompileCache::Off),
            |runtime| load(&runtime, "cold"),
            BatchSize::PerIteration,
        );
    });
    load(&runtime(cache()), "fills the cache");
    group.bench_function("module, from the cache", |b| {
        b.iter_batched(
            || runtime(cache()),
            |runtime| load(&runtime, "cached"),
            BatchSize::PerIteration,
        );
    });
    // The module stays compiled as long as somebody has a plugin of it.
    let runtime = runtime(cache());
    let _keeps_it = load(&runtime, "keeps it");
    group.bench_function("shard", |b| {
        b.iter_with_large_drop(|| load(&runtime, "a VM of its own"));
    });
    group.finish();
}

fn runtime(cache: CompileCache) -> LoomRuntime {
    let builder = LoomRuntime::builder().compile_cache(cache);
    builder.build().expect("a runtime")
}

/// The header plugin with one VM. Nobody has a VM of this name yet, or no longer.
fn load(runtime: &LoomRuntime, name: &str) -> LoomPlugin {
    LoomPlugin::builder(name)
        .file(header_plugin())
        .runtime(runtime)
        .instances(1)
        .build()
        .expect("a plugin")
}
