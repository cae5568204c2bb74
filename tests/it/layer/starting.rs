//! Start functions: in which order they run, and what happens when one fails.

use std::time::{Duration, Instant};

use loom_layer::Error;

use super::support::{Guest, get, load, logs, plugin, send};

fn refused(name: &str, guest: &Guest) -> Error {
    plugin(name, guest).build().expect_err("it does not start")
}

#[test]
fn start_functions_run_in_order() {
    let guest = Guest::new()
        .on("_initialize", r#"(call $say @"initialize")"#)
        .on("proxy_on_context_create", r#"(call $say @"create")"#)
        .on("proxy_on_vm_start", r#"(call $say @"vm_start") (i32.const 1)"#)
        .on("proxy_on_configure", r#"(call $say @"configure") (i32.const 1)"#)
        .item(r#"(func (export "main") (param i32 i32) (result i32) (call $say @"main") (i32.const 0))"#)
        .item(r#"(func (export "_start") unreachable)"#);
    load("start-order", &guest);
    assert_eq!(
        logs::said("start-order"),
        ["initialize", "main", "create", "vm_start", "configure"]
    );
}

#[test]
fn a_command_s_start_runs_when_there_is_no_initialize() {
    let guest = Guest::new().on("_start", r#"(call $say @"start")"#);
    load("start-command", &guest);
    assert_eq!(logs::said("start-command"), ["start"]);
}

/// As TinyGo's commands do: `main` has run, and the callbacks are used from then on.
#[tokio::test]
async fn a_command_that_ends_itself_with_0_has_started() {
    let exiting = |code: u32| {
        Guest::new()
            .import(
                "wasi_snapshot_preview1",
                "proc_exit",
                "(func $exit (param i32))",
            )
            .on(
                "_start",
                &format!("(call $exit (i32.const {code})) unreachable"),
            )
            .on_request(r#"(call $set_num (i32.const 0) @"x-runs" (i32.const 1))"#)
    };
    let plugin = load("start-exit-0", &exiting(0));
    assert_eq!(send(plugin, get(&[])).await.seen("x-runs"), "1");
    let error = refused("start-exit-1", &exiting(1)).to_string();
    assert!(error.contains("ended itself with exit code 1"), "{error}");
}

#[test]
fn configurations_reach_their_callbacks() {
    let read = |kind: u32| {
        format!(
            r#"(drop (call $get_buffer (i32.const {kind}) (i32.const 0) (i32.const -1)
                 (i32.const 16) (i32.const 20)))
               (call $say (call $out) (call $out_len))
               (call $say_num (local.get $size))
               (i32.const 1)"#
        )
    };
    let guest = Guest::new()
        .on("proxy_on_vm_start", &read(6))
        .on("proxy_on_configure", &read(7));
    plugin("configurations", &guest)
        .vm_config("of the VM")
        .config("of the plugin")
        .build()
        .expect("it starts");
    assert_eq!(
        logs::said("configurations"),
        ["of the VM", "9", "of the plugin", "13"]
    );
}

#[test]
fn a_trap_in_any_of_them() {
    for callback in [
        "_initialize",
        "_start",
        "proxy_on_context_create",
        "proxy_on_vm_start",
        "proxy_on_configure",
    ] {
        let error = refused("start-trap", &Guest::new().on(callback, "unreachable"));
        assert!(error.is_start(), "{error:?}");
        let text = error.to_string();
        let begin = format!(
            "plugin `start-trap`: `{callback}` failed: wasm trap: wasm `unreachable` instruction executed"
        );
        assert!(text.starts_with(&begin), "{text}");
        assert!(
            text.ends_with("; its log lines at level debug may say more"),
            "{text}"
        );
    }
}

#[test]
fn what_was_said_before_a_trap_is_heard() {
    for callback in ["_initialize", "proxy_on_vm_start", "proxy_on_configure"] {
        let name = format!("last-words-{callback}");
        let guest = Guest::new().on(callback, r#"(call $say @"last words") unreachable"#);
        refused(&name, &guest);
        assert_eq!(logs::said(&name), ["last words"], "{callback}");
    }
}

#[test]
fn a_start_section_that_traps() {
    let guest = Guest::new().item("(func $first unreachable) (start $first)");
    let error = refused("start-section", &guest);
    assert!(error.is_start(), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("`the module's start` failed: "), "{text}");
}

#[test]
fn false_is_a_refusal() {
    for callback in ["proxy_on_vm_start", "proxy_on_configure"] {
        let error = refused("start-false", &Guest::new().on(callback, "(i32.const 0)"));
        assert!(error.is_rejected(), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!(
                "plugin `start-false`: `{callback}` failed: it answered false; the plugin refused its configuration: \
                 check `config`, and its log lines for what it misses"
            )
        );
    }
}

#[test]
fn an_endless_start_ends_at_its_deadline() {
    let section = Guest::new().item("(func $first (call $for_ever)) (start $first)");
    let configure = Guest::new().on("proxy_on_configure", "(call $for_ever) (i32.const 1)");
    for guest in [section, configure] {
        let begun = Instant::now();
        let error = plugin("start-endless", &guest)
            .start_timeout(Duration::from_millis(30))
            .build()
            .expect_err("it does not end");
        assert!(error.is_timeout(), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("and `start_timeout` is 30 ms"), "{text}");
        assert!(text.contains("raise `start_timeout`"), "{text}");
        assert!(
            !text.contains("`timeout`"),
            "names the wrong setting: {text}"
        );
        assert!(begun.elapsed() < Duration::from_secs(5), "it ran on");
    }
}

#[tokio::test]
async fn a_slow_start_is_not_bound_by_the_timeout_of_calls() {
    let guest = Guest::new()
        .on(
            "proxy_on_configure",
            "(call $busy (i32.const 100000000)) (i32.const 1)",
        )
        .on_request("");
    let plugin = plugin("start-slow", &guest)
        .timeout(Duration::from_millis(5))
        .build()
        .expect("it has ten seconds");
    assert_eq!(send(plugin, get(&[])).await.status, 200);
}

#[test]
fn memory_that_the_start_asks_for() {
    let guest = Guest::new().on(
        "proxy_on_configure",
        "(if (i32.eq (memory.grow (i32.const 100)) (i32.const -1)) (then unreachable)) (i32.const 1)",
    );
    let error = plugin("start-memory", &guest)
        .memory_limit(1_000_000)
        .build()
        .expect_err("there is not so much");
    assert!(error.is_memory(), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains(
            "it asked for 6815744 bytes of memory and its limit is 1000000; raise `memory_limit`"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn a_plugin_that_exits_is_at_fault() {
    let guest = Guest::new()
        .import(
            "wasi_snapshot_preview1",
            "proc_exit",
            "(func $exit (param i32))",
        )
        .on("_initialize", "(call $exit (i32.const 0))");
    let error = refused("start-exit", &guest);
    assert!(error.is_start(), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("the plugin ended itself with exit code 0"),
        "{error}"
    );
}
