//! State beyond a request: shared data, queues, metrics, foreign functions, and what their calls answer.

mod data;
mod foreign;
mod limits;
mod metrics;
mod queues;

use loom_layer::{CompileCache, LoomRuntime, LoomRuntimeBuilder};

use super::support::{Guest, load, logs};

/// A guest that imports what this file is about.
fn guest() -> Guest {
    [
        ("get_shared_data", "$get_data", 5),
        ("set_shared_data", "$set_data", 5),
        ("register_shared_queue", "$register", 3),
        ("resolve_shared_queue", "$resolve", 5),
        ("enqueue_shared_queue", "$enqueue", 3),
        ("dequeue_shared_queue", "$dequeue", 3),
        ("define_metric", "$define", 4),
        ("get_metric", "$get_metric", 2),
        ("get_status", "$get_status", 3),
        ("call_foreign_function", "$foreign", 6),
        ("set_tick_period_milliseconds", "$set_tick", 1),
    ]
    .into_iter()
    .fold(Guest::new(), |guest, (name, short, params)| {
        let params = "i32 ".repeat(params);
        let ty = format!("(func {short} (param {params}) (result i32))");
        guest.import("env", &format!("proxy_{name}"), &ty)
    })
    .import(
        "env",
        "proxy_increment_metric",
        "(func $increment (param i32 i64) (result i32))",
    )
    .import(
        "env",
        "proxy_record_metric",
        "(func $record (param i32 i64) (result i32))",
    )
}

/// Makes calls in `proxy_on_configure`, one after the other, and holds their answers against what they should be.
fn answers(name: &str, calls: &[(&str, u32)]) {
    let body: String = calls
        .iter()
        .map(|(call, _)| format!("(call $say_num {call})"))
        .collect();
    let guest = guest().on("proxy_on_configure", &format!("{body} (i32.const 1)"));
    let _plugin = load(name, &guest);
    let said = logs::said(name);
    assert_eq!(said.len(), calls.len(), "{said:?}");
    for ((call, wanted), said) in calls.iter().zip(said) {
        assert_eq!(said, wanted.to_string(), "{call}");
    }
}

/// A runtime that a test has for itself.
fn alone(builder: LoomRuntimeBuilder) -> LoomRuntime {
    builder.compile_cache(CompileCache::Off).build().unwrap()
}
