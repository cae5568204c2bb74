//! Addresses that are out of range, and what is too much.

use super::super::support::{load, logs};
use super::{answers, guest};

#[test]
fn addresses_out_of_range() {
    let calls = [
        "(call $get_data BAD (i32.const 16) (i32.const 20) (i32.const 24))",
        r#"(call $get_data @"k" OUT (i32.const 20) (i32.const 24))"#,
        r#"(call $get_data @"k" (i32.const 16) OUT (i32.const 24))"#,
        r#"(call $get_data @"k" (i32.const 16) (i32.const 20) OUT)"#,
        r#"(call $set_data BAD @"v" (i32.const 0))"#,
        r#"(call $set_data @"k" BAD (i32.const 0))"#,
        "(call $register BAD (i32.const 24))",
        r#"(call $register @"q" OUT)"#,
        r#"(call $resolve BAD @"q" (i32.const 24))"#,
        r#"(call $resolve @"" BAD (i32.const 24))"#,
        r#"(call $resolve @"" @"q" OUT)"#,
        "(call $enqueue (i32.load (i32.const 28)) BAD)",
        "(call $dequeue (i32.load (i32.const 28)) OUT (i32.const 20))",
        "(call $define (i32.const 0) BAD (i32.const 24))",
        r#"(call $define (i32.const 0) @"m" OUT)"#,
        "(call $get_metric (i32.const 4) OUT)",
        "(call $get_status OUT (i32.const 16) (i32.const 20))",
        "(call $get_status (i32.const 24) OUT (i32.const 20))",
        "(call $get_status (i32.const 24) (i32.const 16) OUT)",
        r#"(call $foreign BAD @"v" (i32.const 16) (i32.const 20))"#,
        r#"(call $foreign @"compress" BAD (i32.const 16) (i32.const 20))"#,
        r#"(call $foreign @"compress" @"v" OUT (i32.const 20))"#,
        r#"(call $foreign @"compress" @"v" (i32.const 16) OUT)"#,
    ];
    let prepare = [
        (r#"(call $set_data @"k" @"v" (i32.const 0))"#, 0),
        (r#"(call $register @"q" (i32.const 28))"#, 0),
        (r#"(call $enqueue (i32.load (i32.const 28)) @"x")"#, 0),
        (r#"(call $define (i32.const 0) @"m" (i32.const 24))"#, 0),
    ];
    let end = 4 * 65_536;
    let ranges = [(end - 1, 2), (end, 1), (-1, 1), (0, -1), (-1, -1)];
    let outs = [end - 3, end, -1];
    for (at, ((ptr, len), out)) in ranges.iter().zip(outs.iter().cycle()).enumerate() {
        let bad = calls.map(|call| {
            call.replace("BAD", &format!("(i32.const {ptr}) (i32.const {len})"))
                .replace("OUT", &format!("(i32.const {out})"))
        });
        let mut all = prepare.to_vec();
        all.extend(bad.iter().map(|call| (call.as_str(), 6)));
        answers(&format!("shared-out-of-range-{at}"), &all);
    }
}

#[test]
fn a_limit_is_told_in_answers_that_sdks_take_and_in_one_warning() {
    let long = "(i32.const 4096) (i32.const 4097)";
    let calls = [
        format!(r#"(call $set_data {long} @"v" (i32.const 0))"#),
        format!(r#"(call $set_data {long} @"v" (i32.const 0))"#),
        format!("(call $register {long} (i32.const 24))"),
        r#"(call $enqueue (i32.load (i32.const 24)) @"x")"#.to_owned(),
        "(call $dequeue (i32.load (i32.const 24)) (i32.const 16) (i32.const 20))".to_owned(),
        format!("(call $define (i32.const 0) {long} (i32.const 24))"),
        "(call $increment (i32.load (i32.const 24)) (i64.const 1))".to_owned(),
        "(call $record (i32.load (i32.const 24)) (i64.const 1))".to_owned(),
        "(call $get_metric (i32.load (i32.const 24)) (i32.const 32))".to_owned(),
    ];
    let body: String = calls
        .iter()
        .map(|call| format!("(call $say_num {call})"))
        .collect();
    let guest = guest().on("proxy_on_configure", &format!("{body} (i32.const 1)"));
    let _plugin = load("shared-limits", &guest);
    let (numbers, warnings): (Vec<_>, Vec<_>) = logs::said("shared-limits")
        .into_iter()
        .partition(|line| line.parse::<u32>().is_ok());
    assert_eq!(numbers, ["8", "8", "0", "1", "1", "0", "1", "1", "1"]);
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    for (warning, call) in warnings.iter().zip([
        "proxy_set_shared_data",
        "proxy_register_shared_queue",
        "proxy_define_metric",
    ]) {
        assert!(warning.starts_with(call), "{warning}");
    }
}
