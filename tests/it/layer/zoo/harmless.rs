//! What a plugin must not get away with, and which costs it no more than a status: floods, nonsense, and headers that would
//! smuggle others.

use super::animal::{Animal, CALL_HEADERS, guest};
use super::fatal::bad_allocator;
use super::{Outcome, everywhere};

/// All is as if the plugin had done nothing, but for what it says.
async fn is_served(animal: Animal) {
    everywhere(&animal, |_, _| Outcome::Served).await;
}

/// Does something until it is refused, ten thousand times at most, and says so.
async fn floods(name: &'static str, refused: &str) {
    let does = format!(
        r#"(loop $more
             (call $format (local.get $i))
             (local.set $i (i32.add (local.get $i) (i32.const 1)))
             (if {refused} (then (call $say @"full") (return (i32.const 0))))
             (br_if $more (i32.lt_u (local.get $i) (i32.const 11000))))
           unreachable"#
    );
    is_served(Animal::new(name, &does).says("full")).await;
}

/// Makes these calls, each of which has to answer with this status.
async fn answers(name: &'static str, status: u32, calls: &[String]) {
    let mut does = String::new();
    for (number, call) in calls.iter().enumerate() {
        does += &format!(
            "(if (i32.ne {call} (i32.const {status})) (then (call $say_num (i32.const {number})) unreachable))\n"
        );
    }
    is_served(Animal::new(name, &format!("{does} (i32.const 0)"))).await;
}

/// An allocator that gives nonsense once it is told to; says what a host call that needs it answers.
async fn allocates(name: &'static str, allocator: &str, status: &'static str) {
    let does = r#"(global.set $bad (i32.const 1))
        (local.set $i (call $get_property @"plugin_name" (i32.const 16) (i32.const 20)))
        (global.set $bad (i32.const 0))
        (call $say_num (local.get $i))
        (i32.const 0)"#;
    let allocator = format!("(return {allocator})");
    is_served(Animal::of(name, bad_allocator(&allocator), does).says(status)).await;
}

const DIGITS: &str = "(global.get $digits) (global.get $digits_len)";

animals! {
    allocator_that_finds_nothing: allocates("(i32.const 0)", "6");
    allocator_that_points_nowhere: allocates("(i32.const -16)", "6");
    allocator_that_points_at_the_end: allocates("(i32.const 262140)", "6");
    allocator_that_points_at_the_result: allocates("(i32.const 14)", "0");
    header_flood: floods(&format!("(call $add (i32.const 0) {DIGITS} {DIGITS})"));
    response_header_flood: floods(&format!("(call $add (i32.const 2) {DIGITS} {DIGITS})"));
    property_flood: floods(&format!("(call $set_property {DIGITS} (i32.const 65536) (i32.const 4096))"));
    shared_data_flood: floods(&format!(
        "(call $set_shared {DIGITS} (i32.const 65536) (i32.const 131072) (i32.const 0))"
    ));
    queue_flood: floods(
        r#"(block (result i32)
             (drop (call $register @"flood" (i32.const 28)))
             (call $enqueue (i32.load (i32.const 28)) (i32.const 65536) (i32.const 131072)))"#
    );
    metric_flood: floods(&format!(
        "(block (result i32)
           (drop (call $define_metric (i32.const 0) {DIGITS} (i32.const 32)))
           (call $increment (i32.load (i32.const 32)) (i64.const 1)))"
    ));
    callout_flood: floods(&format!(
        r#"(call $http_call @"peer" {CALL_HEADERS} (i32.const 0) (i32.const 0)
             (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32))"#
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_flood() {
    let does = r#"
        (loop $more
          (call $say @"noise")
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $more (i32.lt_u (local.get $i) (i32.const 10000))))
        (i32.const 0)"#;
    let dropped = "log lines of one call beyond the limit were dropped";
    is_served(Animal::new("log-flood", does).says(dropped)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resume_storm() {
    let does = "
        (loop $more
          (drop (call $continue (i32.const 0)))
          (drop (call $continue (i32.const 1)))
          (drop (call $continue_request))
          (drop (call $continue_response))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $more (i32.lt_u (local.get $i) (i32.const 1000))))
        (i32.const 0)";
    is_served(Animal::new("resume-storm", does)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_is_refused() {
    let does = "(if (i32.ne (memory.grow (i32.const 65000)) (i32.const -1)) (then unreachable)) (i32.const 0)";
    is_served(Animal::new("memory-refused", does)).await;
}

/// Names and values that would smuggle another header, for every map.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn smuggled_headers() {
    let values = [
        r"a\0d\0ax-evil: 1",
        r"a\0ax-evil: 1",
        r"a\0d",
        r"a\00b",
        r"\01",
        r"a\7f",
    ];
    let names = [
        "",
        "x evil",
        "x-evil:",
        "(x-evil)",
        r"x-evil\0d\0a",
        r"x-evil\00",
        r"x\80evil",
        ":evil",
    ];
    let mut calls = Vec::new();
    for map in 0..4 {
        for call in ["add", "replace"] {
            for value in values {
                calls.push(format!(
                    r#"(call ${call} (i32.const {map}) @"x-evil" @"{value}")"#
                ));
            }
            for name in names {
                calls.push(format!(
                    r#"(call ${call} (i32.const {map}) @"{name}" @"1")"#
                ));
            }
        }
    }
    answers("smuggled-headers", 2, &calls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_for_the_request_line() {
    let lines = [
        (":path", ""),
        (":path", "zoo"),
        (":path", "/a b"),
        (":path", r"/\0d\0ax-evil: 1"),
        (":path", r"/\00"),
        (":path", "http://evil/"),
        (":method", ""),
        (":method", "GE T"),
        (":method", r"GET\0d\0ax-evil: 1"),
        (":method", "(GET)"),
        (":scheme", ""),
        (":scheme", "ht tp"),
        (":scheme", r"http\0a"),
        (":authority", "a b"),
        (":authority", "a/b"),
        (":authority", r"a\0d\0ax-evil: 1"),
        ("host", "a b"),
        (":unknown", "1"),
    ];
    let calls =
        lines.map(|(name, value)| format!(r#"(call $replace (i32.const 0) @"{name}" @"{value}")"#));
    answers("request-line", 2, &calls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contexts_that_are_not_alive() {
    let calls = [-1, 12_345_678, i32::MAX, i32::MIN]
        .map(|context| format!("(call $set_context (i32.const {context}))"));
    answers("contexts", 2, &calls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn done_when_nobody_waits_for_it() {
    answers("done", 1, &["(call $proxy_done)".to_owned()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_would_smuggle() {
    let pairs = |value: &str, len: &str| {
        format!(
            r#"@"\04\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\01\00\00\00\0a\00\00\00\04\00\00\00\01\00\00\00{len}\00\00\00:method\00GET\00:path\00/\00:authority\00peer\00x\00{value}\00""#
        )
    };
    let calls = [
        pairs(r"a\0d\0ax-evil: 1", r"\0c"),
        pairs(r"a\00", r"\02"),
        pairs(r"\0a", r"\01"),
    ]
    .map(|headers| {
        format!(
            r#"(call $http_call @"peer" {headers} (i32.const 0) (i32.const 0)
                 (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32))"#
        )
    });
    answers("calls-that-smuggle", 2, &calls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_functions_with_nonsense() {
    let calls = [
        r#"(call $foreign @"uncompress" @"this is no zlib" (i32.const 32) (i32.const 36))"#,
        r#"(call $foreign @"uncompress" @"\78\9c" (i32.const 32) (i32.const 36))"#,
    ]
    .map(str::to_owned);
    answers("foreign-garbage", 3, &calls).await;
    let unknown = r#"(call $foreign @"no-such-function" @"" (i32.const 32) (i32.const 36))"#;
    answers("foreign-unknown", 1, &[unknown.to_owned()]).await;
}

/// More than 4 GiB are promised by a list of 16 MiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wasi_with_nonsense() {
    let guest = guest()
        .import(
            "wasi_snapshot_preview1",
            "random_get",
            "(func $random_get (param i32 i32) (result i32))",
        )
        .import(
            "wasi_snapshot_preview1",
            "fd_write",
            "(func $fd_write (param i32 i32 i32 i32) (result i32))",
        );
    let does = "
        (if (i32.ne (call $random_get (i32.const 0) (i32.const -1)) (i32.const 28)) (then unreachable))
        (if (i32.ne (call $random_get (i32.const -1) (i32.const 1)) (i32.const 21)) (then unreachable))
        (if (i32.ne (call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 32)) (i32.const 28))
          (then unreachable))
        (if (i32.ne (call $fd_write (i32.const 1) (i32.const 0) (i32.const 0x1fffffff) (i32.const 32)) (i32.const 21))
          (then unreachable))
        (i32.const 0)";
    is_served(Animal::of("wasi", guest, does)).await;
}
