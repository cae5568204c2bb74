//! Ticks: when they come, when they stop, and what a plugin can do in one.

use super::support::{Guest, eventually, get, healed, load, logs, plugin, send};

/// A guest with a tick.
fn guest(tick: &str) -> Guest {
    Guest::new()
        .import(
            "env",
            "proxy_set_tick_period_milliseconds",
            "(func $set_tick (param i32) (result i32))",
        )
        .import(
            "env",
            "proxy_get_shared_data",
            "(func $get_data (param i32 i32 i32 i32 i32) (result i32))",
        )
        .import(
            "env",
            "proxy_set_shared_data",
            "(func $set_data (param i32 i32 i32 i32 i32) (result i32))",
        )
        .item("(global $count (mut i32) (i32.const 0))")
        .item(&format!(
            r#"(func (export "proxy_on_tick") (param $id i32)
                 (global.set $count (i32.add (global.get $count) (i32.const 1)))
                 {tick})"#
        ))
}

const BEGIN: &str = "(call $say_num (call $set_tick (i32.const 10))) (i32.const 1)";

/// Waits until a clock, which is another plugin, ticked some more. All ticks are run by one thread, so whatever was due
/// before has run then.
async fn pass(clock: &str) {
    let before = logs::said(clock).len();
    eventually("the clock goes on", || {
        logs::said(clock).len() >= before + 5
    })
    .await;
}

#[tokio::test]
async fn ticks_come_until_they_are_stopped() {
    let clock = guest("(call $say_num (global.get $count))").on("proxy_on_configure", BEGIN);
    let _clock = load("tick-clock", &clock);
    let three = guest(
        "(call $say_num (global.get $count))
         (if (i32.eq (global.get $count) (i32.const 3))
           (then (call $say_num (call $set_tick (i32.const 0)))))",
    )
    .on("proxy_on_configure", BEGIN);
    let _plugin = load("tick-three", &three);
    let wanted = ["0", "1", "2", "3", "0"];
    eventually("three ticks", || {
        logs::said("tick-three").len() >= wanted.len()
    })
    .await;
    pass("tick-clock").await;
    assert_eq!(logs::said("tick-three"), wanted);
}

#[tokio::test]
async fn every_vm_ticks_by_itself_and_a_stream_sets_the_tick_of_its_root() {
    let guest = guest(
        "(call $say_num (global.get $count))
         (drop (call $set_tick (i32.const 0)))",
    )
    .on("proxy_on_configure", BEGIN)
    .on_request("(drop (call $set_tick (i32.const 10)))");
    let plugin = plugin("tick-shards", &guest).instances(3).build().unwrap();
    let ticks = |count: &'static str| {
        let said = logs::said("tick-shards");
        said.into_iter().filter(move |line| line == count).count()
    };
    eventually("a first tick in each VM", || ticks("1") == 3).await;
    send(plugin.clone(), get(&[])).await;
    eventually("a second tick in one VM", || ticks("2") == 1).await;
}

#[tokio::test]
async fn a_tick_resumes_a_stream() {
    let guest = guest(
        r#"(drop (call $set_context (global.get $held)))
           (call $set (i32.const 0) @"x-from-tick" @"yes")
           (drop (call $continue (i32.const 0)))
           (drop (call $set_tick (i32.const 0)))"#,
    )
    .item("(global $held (mut i32) (i32.const 0))")
    .on(
        "proxy_on_request_headers",
        "(global.set $held (local.get $id))
         (drop (call $set_tick (i32.const 10)))
         (i32.const 1)",
    );
    let plugin = load("tick-resume", &guest);
    for _ in 0..3 {
        let answer = send(plugin.clone(), get(&[])).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.seen("x-from-tick"), "yes");
    }
}

#[tokio::test]
async fn a_tick_answers_a_stream() {
    let guest = guest(
        "(drop (call $set_context (global.get $held)))
         (call $reply (i32.const 418))
         (drop (call $set_tick (i32.const 0)))",
    )
    .item("(global $held (mut i32) (i32.const 0))")
    .on(
        "proxy_on_request_headers",
        "(global.set $held (local.get $id))
         (drop (call $set_tick (i32.const 10)))
         (i32.const 1)",
    );
    let answer = send(load("tick-reply", &guest), get(&[])).await;
    assert_eq!(answer.status, 418);
    assert!(answer.seen.is_none());
}

#[tokio::test]
async fn a_vm_that_traps_in_a_tick_is_built_anew_and_ticks_again() {
    let guest = guest(
        r#"(if (call $get_data @"trapped" (i32.const 16) (i32.const 20) (i32.const 24))
             (then
               (drop (call $set_data @"trapped" @"yes" (i32.const 0)))
               (unreachable)))
           (call $say @"alive")
           (drop (call $set_tick (i32.const 0)))"#,
    )
    .on("proxy_on_configure", BEGIN)
    .on_request("");
    let plugin = load("tick-trap", &guest);
    eventually("it ticks again", || {
        logs::said("tick-trap").contains(&"alive".to_owned())
    })
    .await;
    assert_eq!(logs::said("tick-trap"), ["0", "0", "alive"]);
    let failures: Vec<_> = logs::of("tick-trap")
        .into_iter()
        .filter(|line| line.target == "loom::vm")
        .collect();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0].field("callback"), "proxy_on_tick");
    healed(&plugin).await;
}

#[tokio::test]
async fn an_endless_tick_ends_by_the_timeout() {
    let guest = guest(r#"(call $say @"in") (call $for_ever)"#).on(
        "proxy_on_configure",
        r#"(if (call $get_data @"once" (i32.const 16) (i32.const 20) (i32.const 24))
             (then
               (drop (call $set_data @"once" @"yes" (i32.const 0)))
               (drop (call $set_tick (i32.const 10)))))
           (i32.const 1)"#,
    );
    let plugin = load("tick-endless", &guest);
    eventually("it is stopped", || {
        let failed = |line: &logs::Line| line.field("cause").contains("`timeout`");
        logs::of("tick-endless").iter().any(failed)
    })
    .await;
    healed(&plugin).await;
}

#[tokio::test]
async fn a_root_context_that_is_not_done_ticks_until_it_is() {
    let guest = guest(
        r#"(if (i32.eq (local.get $id) (global.get $ending))
             (then
               (call $say @"last words")
               (call $say_num (call $proxy_done))))"#,
    )
    .item("(global $ending (mut i32) (i32.const 0))")
    .on("proxy_on_configure", BEGIN)
    .on(
        "proxy_on_done",
        "(global.set $ending (local.get $id)) (i32.const 0)",
    )
    .on("proxy_on_delete", r#"(call $say @"deleted")"#);
    let first = load("tick-done", &guest);
    let second = first.with_config("another").unwrap();
    drop(second);
    let wanted = ["0", "0", "last words", "0", "deleted"];
    eventually("it is deleted", || {
        logs::said("tick-done").len() >= wanted.len()
    })
    .await;
    assert_eq!(logs::said("tick-done"), wanted);
    drop(first);
}
