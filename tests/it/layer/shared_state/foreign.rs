//! Foreign functions, and the status of the last event.

use bytes::Bytes;
use loom_layer::{ForeignError, LoomRuntime};

use super::super::support::{get, logs, plugin, send};
use super::{alone, answers, guest};

#[test]
fn other_answers() {
    answers(
        "other-answers",
        &[
            ("(call $set_tick (i32.const 0))", 0),
            // Nothing has happened yet that could have a status.
            (
                "(call $get_status (i32.const 24) (i32.const 16) (i32.const 20))",
                0,
            ),
            ("(i32.load (i32.const 24))", 0),
            ("(call $out_len)", 0),
            (
                r#"(call $foreign @"nonsense" (i32.const 0) (i32.const 0) (i32.const 16) (i32.const 20))"#,
                1,
            ),
            (
                r#"(call $foreign @"clear_route_cache" (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))"#,
                0,
            ),
            (
                r#"(call $foreign @"uncompress" @"no zlib" (i32.const 16) (i32.const 20))"#,
                3,
            ),
            (
                r#"(call $foreign @"compress" @"hello" (i32.const 0) (i32.const 0))"#,
                0,
            ),
            (
                r#"(call $foreign @"compress" @"hello" (i32.const 16) (i32.const 20))"#,
                0,
            ),
            (
                r#"(call $foreign @"uncompress" (call $out) (call $out_len) (i32.const 0) (i32.const 24))"#,
                0,
            ),
            ("(i32.load (i32.const 24))", 5),
            (
                r#"(call $foreign @"uncompress" (call $out) (call $out_len) (i32.const 24) (i32.const 0))"#,
                0,
            ),
            ("(i32.load8_u (i32.load (i32.const 24)))", u32::from(b'h')),
        ],
    );
}

/// Those of Envoy that are about its own parts, or that this host does not have.
#[test]
fn envoy_s_others_are_unknown() {
    const NAMES: [&str; 8] = [
        "verify_signature",
        "sign",
        "set_envoy_filter_state",
        "declare_property",
        "expr_create",
        "expr_evaluate",
        "expr_delete",
        "resolve_lua",
    ];
    let calls = NAMES
        .map(|name| format!(r#"(call $foreign @"{name}" @"a" (i32.const 16) (i32.const 20))"#));
    let calls: Vec<_> = calls.iter().map(|call| (call.as_str(), 1)).collect();
    answers("foreign-unknown", &calls);
}

#[tokio::test]
async fn functions_of_the_application() {
    let runtime = alone(
        LoomRuntime::builder()
            .foreign_function("shout", |call| {
                let text = String::from_utf8_lossy(call.arguments()).to_uppercase();
                Ok(Bytes::from(format!("{}: {text}", call.plugin())))
            })
            .foreign_function("refuse", |_| Err(ForeignError::Internal))
            .foreign_function("panic", |_| panic!("on purpose")),
    );
    let guest = guest().on_request(
        r#"(call $set_num (i32.const 0) @"x-shout"
             (call $foreign @"shout" @"hello" (i32.const 16) (i32.const 20)))
           (call $set (i32.const 0) @"x-text" (call $out) (call $out_len))
           (call $set_num (i32.const 0) @"x-refuse"
             (call $foreign @"refuse" @"" (i32.const 16) (i32.const 20)))
           (call $set_num (i32.const 0) @"x-panic"
             (call $foreign @"panic" @"" (i32.const 16) (i32.const 20)))"#,
    );
    let plugin = plugin("foreigner", &guest).runtime(&runtime);
    let plugin = plugin.build().unwrap();
    for _ in 0..2 {
        let answer = send(plugin.clone(), get(&[])).await;
        assert_eq!(answer.seen("x-shout"), "0");
        assert_eq!(answer.seen("x-text"), "foreigner: HELLO");
        assert_eq!(answer.seen("x-refuse"), "10");
        assert_eq!(answer.seen("x-panic"), "10", "and the VM lives on");
    }
    let said = logs::said("foreigner");
    assert!(said[0].contains("`panic` panicked"), "{said:?}");
}
