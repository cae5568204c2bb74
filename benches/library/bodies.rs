//! Request bodies on their way to a service that reads them.

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use loom_benches::{CpuTime, Guest, post, reading};
use tower::Layer;

use crate::timing::requests;

const SIZES: [(&str, usize); 4] = [
    ("0", 0),
    ("1 KiB", 1 << 10),
    ("64 KiB", 64 << 10),
    ("1 MiB", 1 << 20),
];

pub(crate) fn measure(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("request body");
    let plugins = [
        ("ignored", Guest::nothing().load()),
        ("read", Guest::read_body().load()),
        ("rewritten", Guest::rewrite_body().load()),
    ];
    for (size, bytes) in SIZES {
        if bytes > 0 {
            group.throughput(Throughput::Bytes(bytes as u64));
        }
        let body = Bytes::from(vec![b'x'; bytes]);
        group.bench_function(format!("bare service/{size}"), |b| {
            requests(b, reading(), || post(body.clone()));
        });
        for (what, plugin) in &plugins {
            group.bench_function(format!("{what}/{size}"), |b| {
                requests(b, plugin.layer(reading()), || post(body.clone()));
            });
        }
    }
    group.finish();
}
