//! WASI, as far as SDKs call it.

use super::support::{Guest, get, load, logs, plugin, send};

fn import(guest: Guest, name: &str, short: &str, params: &str) -> Guest {
    guest.import(
        "wasi_snapshot_preview1",
        name,
        &format!("(func ${short} (param {params}) (result i32))"),
    )
}

#[tokio::test]
async fn output_becomes_log_lines() {
    let guest = import(Guest::new(), "fd_write", "write", "i32 i32 i32 i32").on_request(
        r#"(local.set $i (call $set_iov (i32.const 128) @"one "))
           (local.set $i (call $set_iov (i32.const 136) @"line\0a"))
           (call $set_num (i32.const 0) @"x-out" (call $write (i32.const 1) (i32.const 128) (i32.const 2) (i32.const 24)))
           (call $set_num (i32.const 0) @"x-written" (i32.load (i32.const 24)))
           (call $set_num (i32.const 0) @"x-err" (call $write (i32.const 2) (i32.const 128) (i32.const 1) (i32.const 24)))
           (call $set_num (i32.const 0) @"x-file" (call $write (i32.const 3) (i32.const 128) (i32.const 1) (i32.const 24)))
           (call $set_num (i32.const 0) @"x-bad" (call $write (i32.const 1) (i32.const -8) (i32.const 2) (i32.const 24)))
           (call $set_num (i32.const 0) @"x-many" (call $write (i32.const 1) (i32.const 128) (i32.const -1) (i32.const 24)))"#,
    )
    .item(
        "(func $set_iov (param $at i32) (param $ptr i32) (param $len i32) (result i32)
           (i32.store (local.get $at) (local.get $ptr))
           (i32.store offset=4 (local.get $at) (local.get $len))
           (i32.const 0))",
    );
    let answer = send(load("wasi-output", &guest), get(&[])).await;
    assert_eq!(answer.seen("x-out"), "0");
    assert_eq!(answer.seen("x-written"), "9");
    assert_eq!(answer.seen("x-err"), "0");
    assert_eq!(answer.seen("x-file"), "8");
    assert_eq!(answer.seen("x-bad"), "21");
    assert_eq!(answer.seen("x-many"), "28");
    assert_eq!(logs::said("wasi-output"), ["one line", "one "]);
    let levels: Vec<_> = logs::of("wasi-output")
        .iter()
        .map(|line| line.level)
        .collect();
    assert!(
        levels.ends_with(&[tracing::Level::INFO, tracing::Level::ERROR]),
        "{levels:?}"
    );
}

#[tokio::test]
async fn clocks_randomness_and_an_empty_environment() {
    let mut guest = Guest::new();
    for (name, short, params) in [
        ("clock_time_get", "clock", "i32 i64 i32"),
        ("random_get", "random", "i32 i32"),
        ("environ_sizes_get", "environ", "i32 i32"),
        ("args_sizes_get", "args", "i32 i32"),
        ("fd_prestat_get", "prestat", "i32 i32"),
        ("poll_oneoff", "poll", "i32 i32 i32 i32"),
    ] {
        guest = import(guest, name, short, params);
    }
    let guest = guest.on_request(
        r#"(call $set_num (i32.const 0) @"x-real" (call $clock (i32.const 0) (i64.const 0) (i32.const 128)))
           (call $set_num (i32.const 0) @"x-monotonic" (call $clock (i32.const 1) (i64.const 0) (i32.const 136)))
           (call $set_num (i32.const 0) @"x-cpu" (call $clock (i32.const 2) (i64.const 0) (i32.const 144)))
           (call $set_num (i32.const 0) @"x-ticks" (i64.ne (i64.load (i32.const 136)) (i64.const 0)))
           (call $set_num (i32.const 0) @"x-random" (call $random (i32.const 160) (i32.const 32)))
           (call $set_num (i32.const 0) @"x-varied" (i64.ne (i64.load (i32.const 160)) (i64.load (i32.const 168))))
           (call $set_num (i32.const 0) @"x-bad" (call $random (i32.const -4) (i32.const 32)))
           (i32.store (i32.const 24) (i32.const 9))
           (i32.store (i32.const 28) (i32.const 9))
           (call $set_num (i32.const 0) @"x-environ" (call $environ (i32.const 24) (i32.const 28)))
           (call $set_num (i32.const 0) @"x-size" (i32.add (i32.load (i32.const 24)) (i32.load (i32.const 28))))
           (call $set_num (i32.const 0) @"x-args" (call $args (i32.const 24) (i32.const 28)))
           (call $set_num (i32.const 0) @"x-prestat" (call $prestat (i32.const 3) (i32.const 128)))
           (call $set_num (i32.const 0) @"x-poll" (call $poll (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 24)))"#,
    );
    let answer = send(load("wasi-basics", &guest), get(&[])).await;
    for (name, value) in [
        ("x-real", "0"),
        ("x-monotonic", "0"),
        ("x-cpu", "58"),
        ("x-ticks", "1"),
        ("x-random", "0"),
        ("x-varied", "1"),
        ("x-bad", "21"),
        ("x-environ", "0"),
        ("x-size", "0"),
        ("x-args", "0"),
        ("x-prestat", "8"),
        ("x-poll", "0"),
    ] {
        assert_eq!(answer.seen(name), value, "{name}");
    }
}

#[tokio::test]
async fn variables_that_the_builder_sets() {
    let guest = import(Guest::new(), "environ_sizes_get", "sizes", "i32 i32");
    let guest = import(guest, "environ_get", "environ", "i32 i32").on_request(
        r#"(call $set_num (i32.const 0) @"x-sizes" (call $sizes (i32.const 24) (i32.const 28)))
           (call $set_num (i32.const 0) @"x-count" (i32.load (i32.const 24)))
           (call $set_num (i32.const 0) @"x-size" (i32.load (i32.const 28)))
           (call $set_num (i32.const 0) @"x-get" (call $environ (i32.const 128) (i32.const 512)))
           (call $set (i32.const 0) @"x-first" (i32.load (i32.const 128)) (i32.const 3))
           (call $set (i32.const 0) @"x-second" (i32.load (i32.const 132)) (i32.const 10))
           (call $set_num (i32.const 0) @"x-end" (i32.load8_u (i32.add (i32.load (i32.const 132)) (i32.const 10))))
           (call $set_num (i32.const 0) @"x-bad" (call $environ (i32.const 128) (i32.const -4)))
           (call $set_num (i32.const 0) @"x-bad-pointers" (call $environ (i32.const -4) (i32.const 512)))"#,
    );
    let with = plugin("wasi-env", &guest)
        .env("LEVEL", "loud")
        .env("A", "b")
        .env("LEVEL", "high");
    let with = with.build().unwrap();
    let answer = send(with, get(&[])).await;
    for (name, value) in [
        ("x-sizes", "0"),
        ("x-count", "2"),
        ("x-size", "15"),
        ("x-get", "0"),
        ("x-first", "A=b"),
        ("x-second", "LEVEL=high"),
        ("x-end", "0"),
        ("x-bad", "21"),
        ("x-bad-pointers", "21"),
    ] {
        assert_eq!(answer.seen(name), value, "{name}");
    }
    // Another environment is another VM.
    let without = plugin("wasi-env", &guest).build().unwrap();
    assert_eq!(send(without, get(&[])).await.seen("x-count"), "0");
}

#[tokio::test]
async fn both_module_names() {
    let guest = Guest::new()
        .import("wasi_unstable", "sched_yield", "(func $old (result i32))")
        .import(
            "wasi_snapshot_preview1",
            "sched_yield",
            "(func $new (result i32))",
        )
        .on_request(r#"(call $set_num (i32.const 0) @"x-sum" (i32.add (call $old) (call $new)))"#);
    assert_eq!(
        send(load("wasi-names", &guest), get(&[]))
            .await
            .seen("x-sum"),
        "0"
    );
}

#[tokio::test]
async fn the_end_of_the_process_is_only_the_plugin_s() {
    let guest = Guest::new()
        .import(
            "wasi_snapshot_preview1",
            "proc_exit",
            "(func $exit (param i32))",
        )
        .on_request("(call $exit (i32.const 3))");
    let answer = send(load("wasi-exit", &guest), get(&[])).await;
    assert_eq!(answer.status, 503);
    let lines = logs::of("wasi-exit");
    let failed = lines
        .iter()
        .find(|line| line.target == "loom::vm")
        .expect("told");
    assert_eq!(
        failed.field("cause"),
        "the plugin ended itself with exit code 3"
    );
}
