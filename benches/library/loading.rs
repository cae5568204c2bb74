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
    let ten = distinct(10);
    let load_ten = |runtime: &LoomRuntime| -> Vec<_> {
        let plugins = ten.iter().enumerate();
        plugins
            .map(|(number, code)| {
                let plugin = LoomPlugin::builder(number.to_string()).bytes(code.clone());
                plugin
                    .runtime(runtime)
                    .instances(1)
                    .build()
                    .expect("a plugin")
            })
            .collect()
    };
    load_ten(&runtime(cache()));
    group.bench_function("10 plugins, from the cache", |b| {
        b.iter_batched(
            || runtime(cache()),
            |runtime| load_ten(&runtime),
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

/// The header plugin as modules that differ, by a custom section at the end that nobody reads.
fn distinct(count: u8) -> Vec<Vec<u8>> {
    let code = std::fs::read(header_plugin()).expect("a module");
    // Section 0: three bytes, of which one is the length of its name, one the name, and one the number.
    let copies = (0..count).map(|number| [&code[..], &[0, 3, 1, b'n', number]].concat());
    copies.collect()
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
