//! The keys of plugins.

use super::Effect;

pub(super) const EFFECTS: &[Effect] = &[
    (
        "plugins[].name",
        "plugins: [{path: a.wasm, <<name: a||name: b>>}]",
    ),
    (
        "plugins[].path",
        "plugins: [{name: a, <<path: a.wasm||path: b.wasm>>}]",
    ),
    (
        "plugins[].url",
        "plugins: [{name: a, sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, <<url: 'http://a/b.wasm'||url: 'https://a/b.wasm'>>}]",
    ),
    (
        "plugins[].sha256",
        "plugins: [{name: a, path: a.wasm, <<sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef>>}]",
    ),
    (
        "plugins[].fetch_timeout",
        "plugins: [{name: a, url: 'http://a/b.wasm', sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, <<fetch_timeout: 5s>>}]",
    ),
    (
        "plugins[].phase",
        "plugins: [{name: a, path: a.wasm, <<phase: on_log>>}]",
    ),
    (
        "plugins[].priority",
        "plugins: [{name: a, path: a.wasm, <<priority: -1>>}]",
    ),
    (
        "plugins[].memory_limit",
        "plugins: [{name: a, path: a.wasm, <<memory_limit: 16MB>>}]",
    ),
    (
        "plugins[].timeout",
        "plugins: [{name: a, path: a.wasm, <<timeout: 50ms>>}]",
    ),
    (
        "plugins[].log_level",
        "plugins: [{name: a, path: a.wasm, <<log_level: debug>>}]",
    ),
    (
        "plugins[].failure_policy",
        "plugins: [{name: a, path: a.wasm, <<failure_policy: open>>}]",
    ),
    (
        "plugins[].config",
        "plugins: [{name: a, path: a.wasm, <<config: {a: 1}>>}]",
    ),
    (
        "plugins[].start_timeout",
        "plugins: [{name: a, path: a.wasm, <<start_timeout: 5s>>}]",
    ),
    (
        "plugins[].pause_timeout",
        "plugins: [{name: a, path: a.wasm, <<pause_timeout: 5s>>}]",
    ),
    (
        "plugins[].max_buffered_body",
        "plugins: [{name: a, path: a.wasm, <<max_buffered_body: 64KiB>>}]",
    ),
    (
        "plugins[].instances",
        "plugins: [{name: a, path: a.wasm, <<instances: 1>>}]",
    ),
    (
        "plugins[].request_body",
        "plugins: [{name: a, path: a.wasm, <<request_body: before_inner>>}]",
    ),
    (
        "plugins[].allow_on_headers_stop_iteration",
        "plugins: [{name: a, path: a.wasm, <<allow_on_headers_stop_iteration: true>>}]",
    ),
    (
        "plugins[].header_values",
        "plugins: [{name: a, path: a.wasm, <<header_values: lossy>>}]",
    ),
    (
        "plugins[].strict_imports",
        "plugins: [{name: a, path: a.wasm, <<strict_imports: true>>}]",
    ),
    (
        "plugins[].service",
        "plugins: [{name: a, path: a.wasm, <<service: true>>}]",
    ),
    (
        "plugins[].env",
        "plugins: [{name: a, path: a.wasm, <<env: {A: b}>>}]",
    ),
    (
        "plugins[].root_id",
        "plugins: [{name: a, path: a.wasm, <<root_id: limit>>}]",
    ),
    (
        "plugins[].vm_id",
        "plugins: [{name: a, path: a.wasm, <<vm_id: shared>>}]",
    ),
    (
        "plugins[].vm_configuration",
        "plugins: [{name: a, path: a.wasm, <<vm_configuration: {a: 1}>>}]",
    ),
];
