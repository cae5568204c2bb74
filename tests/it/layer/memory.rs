//! Addresses and lengths from a guest, and the guest's allocator: whatever they are, the call ends in a status or a trap.

use http::StatusCode;

use super::support::{Guest, get, healed, load, logs, plugin, send};

const INVALID_MEMORY: &str = "6";

/// Every host call that takes an address, with `BAD` where one address (and its length) is out of range.
const CALLS: &[(&str, &str)] = &[
    ("log", "(call $log (i32.const 2) BAD)"),
    ("get-log-level", "(call $get_log_level OUT)"),
    ("now", "(call $now OUT)"),
    ("size", "(call $map_size (i32.const 0) OUT)"),
    (
        "pairs-ptr",
        "(call $get_pairs (i32.const 0) OUT (i32.const 20))",
    ),
    (
        "pairs-len",
        "(call $get_pairs (i32.const 0) (i32.const 16) OUT)",
    ),
    ("set-pairs", "(call $set_pairs (i32.const 0) BAD)"),
    (
        "get-key",
        "(call $get (i32.const 0) BAD (i32.const 16) (i32.const 20))",
    ),
    (
        "get-ptr",
        r#"(call $get (i32.const 0) @":path" OUT (i32.const 20))"#,
    ),
    (
        "get-len",
        r#"(call $get (i32.const 0) @":path" (i32.const 16) OUT)"#,
    ),
    ("add-key", r#"(call $add (i32.const 0) BAD @"v")"#),
    ("add-value", r#"(call $add (i32.const 0) @"k" BAD)"#),
    ("replace-key", r#"(call $replace (i32.const 0) BAD @"v")"#),
    ("replace-value", r#"(call $replace (i32.const 0) @"k" BAD)"#),
    ("remove", "(call $remove (i32.const 0) BAD)"),
    (
        "property-path",
        "(call $get_property BAD (i32.const 16) (i32.const 20))",
    ),
    (
        "property-ptr",
        r#"(call $get_property @"plugin_name" OUT (i32.const 20))"#,
    ),
    (
        "property-len",
        r#"(call $get_property @"plugin_name" (i32.const 16) OUT)"#,
    ),
    ("set-property-path", r#"(call $set_property BAD @"v")"#),
    ("set-property-value", r#"(call $set_property @"k" BAD)"#),
    (
        "buffer-ptr",
        "(call $get_buffer (i32.const 6) (i32.const 0) (i32.const -1) OUT (i32.const 20))",
    ),
    (
        "buffer-len",
        "(call $get_buffer (i32.const 6) (i32.const 0) (i32.const -1) (i32.const 16) OUT)",
    ),
    (
        "buffer-size",
        "(call $buffer_status (i32.const 6) OUT (i32.const 24))",
    ),
    (
        "buffer-flags",
        "(call $buffer_status (i32.const 6) (i32.const 24) OUT)",
    ),
    (
        "reply-details",
        "(call $send (i32.const 200) BAD NO NO (i32.const -1))",
    ),
    (
        "reply-body",
        "(call $send (i32.const 200) NO BAD NO (i32.const -1))",
    ),
    (
        "reply-headers",
        "(call $send (i32.const 200) NO NO BAD (i32.const -1))",
    ),
];

#[tokio::test]
async fn addresses_out_of_range() {
    let end = 4 * 65_536;
    let ranges = [
        (end, 1),
        (end - 1, 2),
        (0, -1),
        (end - 1, -1),
        (-1, 1),
        (-1, -1),
        (i32::MIN, 16),
        (16, end),
        (1024, 1 << 25),
    ];
    // An out address is 4 bytes (8 for the time) and needs no alignment.
    let outs = [end, end - 3, -1, -4, i32::MIN];
    for (at, (ptr, len)) in ranges.into_iter().enumerate() {
        let out = outs[at % outs.len()];
        let mut body = String::new();
        for (name, call) in CALLS {
            let call = call
                .replace("BAD", &format!("(i32.const {ptr}) (i32.const {len})"))
                .replace("OUT", &format!("(i32.const {out})"))
                .replace("NO", "(i32.const 0) (i32.const 0)");
            body += &format!(r#"(call $set_num (i32.const 0) @"x-{name}" {call})"#);
        }
        let plugin = plugin("memory-range", &Guest::new().on_request(&body))
            .vm_config("something")
            .build()
            .unwrap();
        let answer = send(plugin, get(&[])).await;
        assert_eq!(answer.status, StatusCode::OK, "nothing answered or trapped");
        for (name, _) in CALLS {
            let status = answer.seen(&format!("x-{name}"));
            assert_eq!(status, INVALID_MEMORY, "{name} of {ptr}, {len}, out {out}");
        }
    }
}

#[tokio::test]
async fn a_log_line_out_of_range_is_noticed_at_every_level() {
    use loom_layer::LogLevel;

    let guest = Guest::new().on_request(
        r#"(call $set_num (i32.const 0) @"x-log" (call $log (i32.const 0) (i32.const 16) (i32.const 0x7fffffff)))"#,
    );
    for level in [LogLevel::Trace, LogLevel::Error] {
        let plugin = plugin("memory-log", &guest)
            .log_level(level)
            .build()
            .unwrap();
        let answer = send(plugin, get(&[])).await;
        assert_eq!(answer.seen("x-log"), INVALID_MEMORY, "{level:?}");
    }
}

#[tokio::test]
async fn unaligned_and_last_addresses_are_fine() {
    let guest = Guest::new().on_request(
        r#"(call $set_num (i32.const 0) @"x-odd" (call $get (i32.const 0) @":path" (i32.const 17) (i32.const 33)))
           (call $set_num (i32.const 0) @"x-last" (call $map_size (i32.const 0) (i32.const 262140)))
           (call $set_num (i32.const 0) @"x-now" (call $now (i32.const 262136)))
           (call $set_num (i32.const 0) @"x-nothing" (call $set_property (i32.const -1) (i32.const 0) @"v"))"#,
    );
    let answer = send(load("memory-odd", &guest), get(&[])).await;
    for name in ["x-odd", "x-last", "x-now", "x-nothing"] {
        assert_eq!(answer.seen(name), "0", "{name}");
    }
}

#[tokio::test]
async fn an_allocator_without_room() {
    for place in ["0", "262144", "-1", "262143"] {
        let guest = Guest::new()
            .allocator(&format!("(i32.const {place})"))
            .on_request(
                r#"(i32.store (i32.const 16) (i32.const 7))
                   (call $set_num (i32.const 0) @"x-value" (call $get (i32.const 0) @"x-a" (i32.const 16) (i32.const 20)))
                   (call $set_num (i32.const 0) @"x-pairs" (call $get_pairs (i32.const 0) (i32.const 16) (i32.const 20)))
                   (call $set_num (i32.const 0) @"x-empty" (call $get (i32.const 0) @"x-b" (i32.const 24) (i32.const 28)))
                   (call $set_num (i32.const 0) @"x-out" (call $out))"#,
            );
        let plugin = load("allocator-full", &guest);
        let answer = send(plugin, get(&[("x-a", "some text"), ("x-b", "")])).await;
        assert_eq!(answer.seen("x-value"), INVALID_MEMORY, "{place}");
        assert_eq!(answer.seen("x-pairs"), INVALID_MEMORY, "{place}");
        assert_eq!(answer.seen("x-empty"), "0", "nothing needs no room");
        assert_eq!(answer.seen("x-out"), "7", "nothing is written then");
    }
}

#[tokio::test]
async fn an_allocator_that_fails() {
    let read = r#"(drop (call $get (i32.const 0) @"x-a" (i32.const 16) (i32.const 20)))"#;
    let when_asked = format!(r#"(if (call $has (i32.const 0) @"x-b") (then {read}))"#);
    let cases = [
        ("allocator-trap", "unreachable", "unreachable"),
        (
            "allocator-calls",
            "(drop (call $map_size (i32.const 0) (i32.const 24))) (i32.const 65536)",
            "the allocator called a host function other than proxy_log",
        ),
        (
            "allocator-loops",
            "(call $for_ever) (i32.const 65536)",
            "and `timeout` is 100 ms",
        ),
    ];
    for (name, allocator, cause) in cases {
        let plugin = load(
            name,
            &Guest::new().allocator(allocator).on_request(&when_asked),
        );
        let answer = send(plugin.clone(), get(&[("x-a", "some text"), ("x-b", "")])).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{name}");
        assert!(answer.seen.is_none());
        let causes: Vec<_> = logs::of(name)
            .into_iter()
            .filter(|line| line.target == "loom::vm")
            .map(|line| line.field("cause").to_owned())
            .collect();
        assert_eq!(causes.len(), 1);
        assert!(causes[0].contains(cause), "{causes:?}");
        healed(&plugin).await;
    }
}

#[tokio::test]
async fn an_allocator_may_log_and_grow_the_memory() {
    let guest = Guest::new()
        .allocator(
            r#"(call $say @"allocating") (i32.mul (memory.grow (i32.const 1)) (i32.const 65536))"#,
        )
        .on_request(
            r#"(drop (call $get (i32.const 0) @"x-a" (i32.const 16) (i32.const 20)))
               (call $set (i32.const 0) @"x-out" (call $out) (call $out_len))"#,
        );
    let answer = send(
        load("allocator-grows", &guest),
        get(&[("x-a", "some text")]),
    )
    .await;
    assert_eq!(answer.seen("x-out"), "some text");
    assert_eq!(logs::said("allocator-grows"), ["allocating"]);
}
