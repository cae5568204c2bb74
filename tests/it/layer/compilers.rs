//! What modules import because of their compiler, and not for the ABI.

use super::support::{Guest, get, load, logs, send};

/// Strings of AssemblyScript, at 516 and 772: UTF-16 with the length before it.
const STRINGS: &str = r#"
    (data (i32.const 512) "\08\00\00\00h\00\e9\00l\00\3d\d8")
    (data (i32.const 768) "\08\00\00\00a\00.\00t\00s\00")"#;

#[tokio::test]
async fn pthread_equal_compares_and_growth_is_no_news() {
    let guest = Guest::new()
        .import(
            "env",
            "pthread_equal",
            "(func $same (param i32 i32) (result i32))",
        )
        .import(
            "env",
            "emscripten_notify_memory_growth",
            "(func $grown (param i32))",
        )
        .on_request(
            r#"(call $grown (i32.const 0))
               (call $set_num (i32.const 0) @"x-same" (call $same (i32.const 7) (i32.const 7)))
               (call $set_num (i32.const 0) @"x-other" (call $same (i32.const 7) (i32.const 12)))"#,
        );
    let answer = send(load("emscripten", &guest), get(&[])).await;
    assert_eq!((answer.seen("x-same"), answer.seen("x-other")), ("1", "0"));
    let lines = logs::of("emscripten");
    let warns = |line: &logs::Line| line.level == tracing::Level::WARN;
    assert!(!lines.iter().any(warns), "these are no stubs: {lines:?}");
}

#[tokio::test]
async fn seed_varies_and_date_is_now() {
    let guest = Guest::new()
        .import("env", "seed", "(func $seed (result f64))")
        .import("env", "Date.now", "(func $date (result f64))")
        .on_request(
            r#"(call $set_num (i32.const 0) @"x-varied" (f64.ne (call $seed) (call $seed)))
               (call $set_num (i32.const 0) @"x-seconds" (i32.trunc_f64_u (f64.div (call $date) (f64.const 1000))))"#,
        );
    let before = now();
    let answer = send(load("assemblyscript", &guest), get(&[])).await;
    assert_eq!(answer.seen("x-varied"), "1");
    let seconds: u64 = answer.seen("x-seconds").parse().unwrap();
    assert!((before..=now()).contains(&seconds), "{seconds}");
}

fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs()
}

#[tokio::test]
async fn trace_is_a_log_line() {
    let guest = Guest::new()
        .import("env", "trace", "(func $trace (param i32 i32 f64 f64 f64 f64 f64))")
        .item(STRINGS)
        .on_request(
            "(call $trace (i32.const 772) (i32.const 2) (f64.const 1) (f64.const 2.5) (f64.const 3) (f64.const 4) (f64.const 5))
             (call $trace (i32.const -2) (i32.const -1) (f64.const 1) (f64.const 2) (f64.const 3) (f64.const 4) (f64.const 5))",
        );
    send(load("trace", &guest), get(&[])).await;
    assert_eq!(logs::said("trace"), ["a.ts 1 2.5", " 1 2 3 4 5"]);
}

#[tokio::test]
async fn abort_is_a_trap_that_tells_its_reason() {
    let guest = Guest::new()
        .import("env", "abort", "(func $abort (param i32 i32 i32 i32))")
        .item(STRINGS)
        .on_request("(call $abort (i32.const 516) (i32.const 772) (i32.const 3) (i32.const 14))");
    let answer = send(load("abort", &guest), get(&[])).await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        cause("abort"),
        "the plugin aborted: hél\u{fffd} (in a.ts:3:14)"
    );
}

#[tokio::test]
async fn abort_with_nonsense_or_nothing_is_a_trap_too() {
    let nonsense = Guest::new()
        .import("env", "abort", "(func $abort (param i32 i32 i32 i32))")
        .on_request("(call $abort (i32.const -1) (i32.const 0) (i32.const -1) (i32.const 0))");
    assert_eq!(
        send(load("abort-nonsense", &nonsense), get(&[]))
            .await
            .status,
        503
    );
    assert_eq!(
        cause("abort-nonsense"),
        "the plugin aborted:  (in :4294967295:0)"
    );
    let nothing = Guest::new()
        .import("env", "abort", "(func $abort)")
        .on_request("(call $abort)");
    assert_eq!(
        send(load("abort-plain", &nothing), get(&[])).await.status,
        503
    );
    assert_eq!(cause("abort-plain"), "the plugin aborted");
}

fn cause(plugin: &str) -> String {
    let lines = logs::of(plugin);
    let failed = lines.iter().find(|line| line.target == "loom::vm");
    failed.expect("told").field("cause").to_owned()
}
