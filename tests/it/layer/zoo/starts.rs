//! Misbehaving before there is a request: loading fails, soon, with an error that names plugin, callback and cure.

use std::time::{Duration, Instant};

use loom_layer::{Error, LoomPlugin};

use super::super::support::{Guest, get, logs, plugin, send};

/// A name, what is done, the kind of error that comes of it, and what its text has.
type Deed = (&'static str, &'static str, fn(&Error) -> bool, &'static str);

const DEEDS: [Deed; 5] = [
    (
        "trap",
        "unreachable",
        Error::is_start,
        "`unreachable` instruction executed",
    ),
    (
        "loop",
        "(call $for_ever)",
        Error::is_timeout,
        "raise `start_timeout`",
    ),
    (
        "recursion",
        "(drop (call $deep (i32.const 1)))",
        Error::is_start,
        "it calls itself too deeply",
    ),
    (
        "memory",
        "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable",
        Error::is_memory,
        "raise `memory_limit`",
    ),
    (
        "exit",
        "(call $exit (i32.const 1))",
        Error::is_start,
        "ended itself with exit code 1",
    ),
];

fn guest() -> Guest {
    Guest::new()
        .import(
            "wasi_snapshot_preview1",
            "proc_exit",
            "(func $exit (param i32))",
        )
        .item("(func $deep (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))")
}

fn build(name: &str, guest: &Guest) -> Result<LoomPlugin, Error> {
    plugin(name, guest)
        .start_timeout(Duration::from_millis(20))
        .memory_limit(2 << 20)
        .build()
}

fn assert_refused(
    name: &str,
    error: &Error,
    is_kind: fn(&Error) -> bool,
    callback: &str,
    text: &str,
) {
    assert!(is_kind(error), "{name}: {error:?}");
    assert_eq!(error.plugin(), name);
    let said = error.to_string();
    for part in [callback, text] {
        assert!(said.contains(part), "{name}: {part:?} in {said}");
    }
}

#[test]
fn each_deed_at_each_start() {
    for (deed, does, is_kind, text) in DEEDS {
        for start in [
            "_initialize",
            "_start",
            "proxy_on_context_create",
            "proxy_on_vm_start",
            "proxy_on_configure",
        ] {
            let name = format!("zoo-start-{deed}-{start}");
            let result = match start {
                "proxy_on_vm_start" | "proxy_on_configure" => "(i32.const 1)",
                _ => "",
            };
            let guest = guest().on(start, &format!("{does} {result}"));
            let begun = Instant::now();
            let error = build(&name, &guest).expect_err("it does not start");
            assert!(begun.elapsed() < Duration::from_secs(20), "{name}");
            assert_refused(&name, &error, is_kind, start, text);
        }
    }
}

/// The same, as the configuration of one more route: who runs already does not notice.
#[tokio::test]
async fn each_deed_beside_a_plugin_that_runs() {
    let mut configure = String::new();
    for (number, (_, does, ..)) in DEEDS.iter().enumerate() {
        configure += &format!("(if (i32.eq (local.get $size) (i32.const {number})) (then {does}))");
    }
    let guest = guest()
        .item("(global $requests (mut i32) (i32.const 0))")
        .on(
            "proxy_on_configure",
            &format!("{configure} (i32.ne (local.get $size) (i32.const 99))"),
        )
        .on_request(
            r#"(global.set $requests (i32.add (global.get $requests) (i32.const 1)))
               (call $set_num (i32.const 0) @"x-requests" (global.get $requests))"#,
        );
    let name = "zoo-start-beside";
    let running = plugin(name, &guest)
        .config(vec![b'x'; 50])
        .start_timeout(Duration::from_millis(20))
        .memory_limit(2 << 20)
        .build()
        .unwrap();
    for (number, (_, _, is_kind, text)) in DEEDS.iter().enumerate() {
        let error = running.with_config(vec![b'x'; number]);
        let error = error.expect_err("it does not start");
        assert_refused(name, &error, *is_kind, "proxy_on_configure", text);
        let answer = send(running.clone(), get(&[])).await;
        assert_eq!(answer.seen("x-requests"), (number + 1).to_string());
    }
    let refused = running.with_config(vec![b'x'; 99]);
    assert!(refused.is_err_and(|error| error.is_rejected()));
    assert!(logs::of(name).iter().all(|line| line.target != "loom::vm"));
}

#[test]
fn callbacks_of_wrong_types() {
    for callback in [
        "proxy_on_context_create",
        "proxy_on_vm_start",
        "proxy_on_configure",
        "proxy_on_request_headers",
        "proxy_on_request_body",
        "proxy_on_request_trailers",
        "proxy_on_response_headers",
        "proxy_on_response_body",
        "proxy_on_response_trailers",
        "proxy_on_http_call_response",
        "proxy_on_tick",
        "proxy_on_queue_ready",
        "proxy_on_log",
        "proxy_on_done",
        "proxy_on_delete",
    ] {
        let guest = Guest::new().item(&format!(
            "(func (export \"{callback}\") (param i64) (result f32) (f32.const 0))"
        ));
        let error = build("zoo-type", &guest).expect_err("it would never be called");
        assert_refused("zoo-type", &error, Error::is_abi, callback, "wrong type");
    }
}
