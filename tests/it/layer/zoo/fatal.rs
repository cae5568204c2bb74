//! What ends a VM: traps, endless work, too much memory, and allocators that fail.

use std::time::Duration;

use loom_layer::FailurePolicy;

use super::super::support::Guest;
use super::animal::{Animal, Phase, guest};
use super::{Outcome, everywhere};

/// A failure is answered with 503, or cuts what is under way, or is as if the plugin were absent; what has no stream, or one
/// that is over, nobody notices.
fn failed(phase: Phase, policy: FailurePolicy) -> Outcome {
    match (policy, phase) {
        (FailurePolicy::Closed, phase) if phase.is_late() => Outcome::Cut,
        (FailurePolicy::Closed, phase) if phase.is_in_stream() => Outcome::Answered(503),
        _ => Outcome::Served,
    }
}

async fn fails(name: &'static str, does: &str, cause: &'static str) {
    everywhere(&Animal::new(name, does).fails_with(cause), failed).await;
}

/// It has 20 ms for each call.
async fn takes_too_long(name: &'static str, does: &str) {
    let animal = Animal::new(name, does)
        .timeout(Duration::from_millis(20))
        .fails_with("and `timeout` is 20 ms");
    everywhere(&animal, failed).await;
}

/// An allocator that misbehaves once it is told to, and a host call that needs it.
async fn allocator_fails(name: &'static str, allocator: &str, cause: &'static str) {
    let guest = bad_allocator(allocator);
    let does = r#"(global.set $bad (i32.const 1))
        (call $get_property @"plugin_name" (i32.const 16) (i32.const 20))"#;
    let animal = Animal::of(name, guest, does)
        .timeout(Duration::from_millis(20))
        .fails_with(cause);
    everywhere(&animal, failed).await;
}

pub(super) fn bad_allocator(allocator: &str) -> Guest {
    guest()
        .item("(global $bad (mut i32) (i32.const 0))")
        .allocator(&format!(
            "(if (global.get $bad) (then {allocator}))
             (global.set $heap (i32.add (global.get $heap) (local.get $size)))
             (if (i32.gt_u (global.get $heap) (i32.const 262144)) (then (global.set $heap (i32.const 65536))))
             (i32.sub (global.get $heap) (i32.const 8))"
        ))
}

animals! {
    trap: fails("unreachable", "wasm `unreachable` instruction executed");
    out_of_bounds: fails("(i32.load (i32.const -8))", "out of bounds memory access");
    division: fails("(i32.div_u (i32.const 1) (local.get $i))", "integer divide by zero");
    memory_filled_beyond_its_end: fails(
        "(memory.fill (i32.const 0) (i32.const 0) (i32.const -1)) (i32.const 0)",
        "out of bounds memory access"
    );
    recursion: fails("(i32.add (call $misbehave (local.get $phase)) (i32.const 1))", "it calls itself too deeply");
    memory_bomb: fails(
        "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable",
        "bytes of memory and its limit is 2097152; raise `memory_limit`"
    );
    endless_loop: takes_too_long("(call $for_ever) (i32.const 0)");
    endless_host_calls: takes_too_long("(loop $again (drop (call $now (i32.const 32))) (br $again)) (i32.const 0)");
    endless_log: takes_too_long(r#"(loop $again (call $say @"and") (br $again)) (i32.const 0)"#);
    allocator_that_traps: allocator_fails("unreachable", "wasm `unreachable` instruction executed");
    allocator_that_never_returns: allocator_fails("(call $for_ever)", "and `timeout` is 20 ms");
    allocator_that_calls_the_host: allocator_fails(
        "(drop (call $now (i32.const 32)))",
        "the allocator called a host function other than proxy_log"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn table_bomb() {
    let guest = guest().item("(table $table 1 funcref)");
    let does = "(loop $more (br_if $more (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable";
    let animal =
        Animal::of("table-bomb", guest, does).fails_with("table elements and the limit is 200000");
    everywhere(&animal, failed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_table_entry() {
    let guest = guest()
        .item("(table $table 1 funcref)")
        .item("(type $nothing (func))");
    let does = "(call_indirect $table (type $nothing) (i32.const 0)) (i32.const 0)";
    let animal = Animal::of("table-entry", guest, does).fails_with("uninitialized element");
    everywhere(&animal, failed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit() {
    let guest = guest().import(
        "wasi_snapshot_preview1",
        "proc_exit",
        "(func $exit (param i32))",
    );
    let animal = Animal::of("exit", guest, "(call $exit (i32.const 3)) (i32.const 0)")
        .fails_with("the plugin ended itself with exit code 3");
    everywhere(&animal, failed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn abort() {
    let guest = guest().import("env", "abort", "(func $abort (param i32 i32 i32 i32))");
    let does = "(call $abort (i32.const -1) (i32.const 0) (i32.const 1) (i32.const 2)) unreachable";
    let animal = Animal::of("abort", guest, does).fails_with("the plugin aborted:  (in :1:2)");
    everywhere(&animal, failed).await;
}
