//! The other host calls: configuration, time, contexts.

use std::time::{SystemTime, UNIX_EPOCH};

use super::support::{Guest, get, load, logs, plugin, send};

#[tokio::test]
async fn the_configuration_in_parts() {
    let cases = [
        (0, -1, "abcdef"),
        (2, 3, "cde"),
        (4, 100, "ef"),
        (6, 1, ""),
        (7, 1, ""),
        (-1, -1, ""),
        (0, 0, ""),
    ];
    for (start, max, part) in cases {
        let guest = Guest::new().on(
            "proxy_on_configure",
            &format!(
                r#"(call $say_num (call $get_buffer (i32.const 7) (i32.const {start}) (i32.const {max})
                     (i32.const 16) (i32.const 20)))
                   (call $say (call $out) (call $out_len))
                   (drop (call $buffer_status (i32.const 7) (i32.const 16) (i32.const 20)))
                   (call $say_num (call $out))
                   (i32.const 1)"#
            ),
        );
        let name = format!("config-{start}-{max}");
        plugin(&name, &guest).config("abcdef").build().unwrap();
        assert_eq!(logs::said(&name), ["0", part, "6"]);
    }
}

#[tokio::test]
async fn buffers_that_are_not_there() {
    let call = |kind: u32| {
        format!(
            r#"(call $set_num (i32.const 0) @"x-{kind}" (call $get_buffer (i32.const {kind}) (i32.const 0)
                 (i32.const -1) (i32.const 16) (i32.const 20)))"#
        )
    };
    let body: String = (0..10).map(call).collect();
    let answer = send(load("buffers", &Guest::new().on_request(&body)), get(&[])).await;
    let statuses: Vec<_> = (0..10)
        .map(|kind| answer.seen(&format!("x-{kind}")))
        .collect();
    // Bodies read as empty where there are none; no call answered; the plugin's configuration is gone; nine is no buffer.
    assert_eq!(statuses, ["0", "0", "0", "0", "1", "0", "0", "1", "1", "2"]);
}

#[tokio::test]
async fn the_time() {
    let guest = Guest::new().on_request(
        r#"(drop (call $now (i32.const 24)))
           (call $set_num (i32.const 0) @"x-seconds"
             (i32.wrap_i64 (i64.div_u (i64.load (i32.const 24)) (i64.const 1000000000))))"#,
    );
    let seconds = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs()
    };
    let before = seconds();
    let answer = send(load("time", &guest), get(&[])).await;
    let seen: u64 = answer.seen("x-seconds").parse().unwrap();
    assert!((before..=seconds()).contains(&seen), "{seen}");
}

#[tokio::test]
async fn contexts_that_do_not_exist() {
    let guest = Guest::new()
        .item("(global $root (mut i32) (i32.const 0))")
        .on(
            "proxy_on_context_create",
            "(if (i32.eqz (local.get $parent)) (then (global.set $root (local.get $id))))",
        )
        .on_request(
            r#"(local.set $i (call $set_context (i32.const 0)))
               (local.set $i (i32.add (local.get $i) (i32.mul (i32.const 10) (call $add (i32.const 0) @"x-b" @"1"))))
               (drop (call $set_context (local.get $id)))
               (call $set_num (i32.const 0) @"x-zero" (local.get $i))
               (call $set_num (i32.const 0) @"x-far" (call $set_context (i32.const 99999)))
               (call $set_num (i32.const 0) @"x-own" (call $set_context (local.get $id)))
               (local.set $i (call $set_context (global.get $root)))
               (local.set $i (i32.add (local.get $i) (i32.mul (i32.const 10) (call $add (i32.const 0) @"x-b" @"1"))))
               (drop (call $set_context (local.get $id)))
               (call $set_num (i32.const 0) @"x-root" (local.get $i))
               (call $set_num (i32.const 0) @"x-done" (call $proxy_done))"#,
        );
    let answer = send(load("contexts", &guest), get(&[])).await;
    assert_eq!(answer.seen("x-zero"), "20", "context 0 is no stream");
    assert_eq!(answer.seen("x-far"), "2");
    assert_eq!(answer.seen("x-own"), "0");
    assert_eq!(answer.seen("x-root"), "20", "a root context has no headers");
    assert_eq!(answer.seen("x-b"), "");
    assert_eq!(answer.seen("x-done"), "1", "nothing waits for it");
}

#[tokio::test]
async fn the_effective_context_lasts_for_one_callback() {
    let guest = Guest::new()
        .item("(global $root (mut i32) (i32.const 0))")
        .on(
            "proxy_on_context_create",
            "(if (i32.eqz (local.get $parent)) (then (global.set $root (local.get $id))))",
        )
        .on_request("(drop (call $set_context (global.get $root)))")
        .on_response(
            r#"(call $set_num (i32.const 2) @"x-status" (call $add (i32.const 2) @"x-b" @"1"))"#,
        );
    let answer = send(load("context-lasts", &guest), get(&[])).await;
    assert_eq!(answer.header("x-status"), "0");
    assert_eq!(answer.header("x-b"), "1");
}

#[tokio::test]
async fn streams_that_cannot_be_resumed() {
    let guest = Guest::new().on_request(
        r#"(call $set_num (i32.const 0) @"x-request" (call $continue (i32.const 0)))
           (call $set_num (i32.const 0) @"x-response" (call $continue (i32.const 1)))
           (call $set_num (i32.const 0) @"x-downstream" (call $continue (i32.const 2)))
           (call $set_num (i32.const 0) @"x-upstream" (call $continue (i32.const 3)))
           (call $set_num (i32.const 0) @"x-unknown" (call $continue (i32.const 4)))"#,
    );
    let answer = send(load("resume-nothing", &guest), get(&[])).await;
    for (name, status) in [
        ("x-request", "0"),
        ("x-response", "0"),
        ("x-downstream", "0"),
        ("x-upstream", "12"),
        ("x-unknown", "2"),
    ] {
        assert_eq!(answer.seen(name), status, "{name}");
    }
    assert_eq!(answer.status, 200);
}
