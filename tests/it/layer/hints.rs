//! What plugins and operators are told about mistakes: once, and with what would be right.

use std::time::Duration;

use loom_layer::Phase;
use tracing::Level;

use super::support::{Guest, eventually, get, load, logs, plugin, send};

/// What a plugin was told after some requests.
async fn told(name: &str, guest: &Guest) -> Vec<String> {
    let plugin = load(name, guest);
    for _ in 0..3 {
        send(plugin.clone(), get(&[])).await;
    }
    logs::said(name)
}

#[tokio::test]
async fn a_map_that_is_not_there_is_told_once_per_callback() {
    let reads = |map: u32| format!(r#"(drop (call $has (i32.const {map}) @"x-a"))"#);
    let all = [reads(0), reads(1), reads(2), reads(3)].concat();
    let guest = Guest::new().on_request(&all).on_response(&all);
    assert_eq!(
        told("hint-map", &guest).await,
        [
            "proxy_on_request_headers cannot read request trailers; that works in proxy_on_request_trailers and later",
            "proxy_on_request_headers cannot read response headers; that works in proxy_on_response_headers and later",
            "proxy_on_request_headers cannot read response trailers; that works in proxy_on_response_trailers and later",
            "proxy_on_response_headers cannot read request trailers; that works in proxy_on_request_trailers and later",
            "proxy_on_response_headers cannot read response trailers; that works in proxy_on_response_trailers and later",
        ]
    );
    let lines = logs::of("hint-map");
    let told = lines.iter().filter(|line| line.target == "loom::plugin");
    assert!(told.into_iter().all(|line| line.level == Level::WARN));
}

#[tokio::test]
async fn so_is_one_that_went_on_already() {
    let writes = r#"(call $set (i32.const 0) @"x-a" @"1")"#;
    let guest = Guest::new().on_request(writes).on_response(writes);
    assert_eq!(
        told("hint-late", &guest).await,
        [
            "proxy_on_response_headers cannot change request headers; that works in proxy_on_request_headers, and later \
             as long as a plugin holds them"
        ]
    );
}

#[tokio::test]
async fn so_is_a_callback_without_a_request() {
    let guest = Guest::new().on(
        "proxy_on_configure",
        r#"(drop (call $has (i32.const 0) @"x-a")) (call $reply (i32.const 400)) (i32.const 1)"#,
    );
    let _plugin = load("hint-root", &guest);
    assert_eq!(
        logs::said("hint-root"),
        [
            "proxy_on_configure cannot read request headers: it belongs to no request; name one with \
             proxy_set_effective_context",
            "proxy_send_local_response is ignored in proxy_on_configure: there is no stream to answer; name one with \
             proxy_set_effective_context",
        ]
    );
}

#[tokio::test]
async fn a_second_reply_is_told_once() {
    let guest =
        Guest::new().on_request("(call $reply (i32.const 403)) (call $reply (i32.const 404))");
    assert_eq!(
        told("hint-reply", &guest).await,
        [
            "proxy_send_local_response is ignored in proxy_on_request_headers: the stream was answered already; return \
             from the callback after the first reply"
        ]
    );
}

#[tokio::test]
async fn resuming_what_is_not_held_is_told_once() {
    // In its own callback a plugin may resume before it pauses; the response's has not come yet.
    let guest = Guest::new()
        .on_request("(drop (call $continue (i32.const 0))) (drop (call $continue (i32.const 1)))");
    assert!(told("hint-resume", &guest).await.is_empty());
    let lines = logs::of("hint-resume");
    let resumed: Vec<_> = lines
        .iter()
        .filter(|line| line.target == "loom::stream")
        .collect();
    assert_eq!(resumed.len(), 1);
    assert_eq!(resumed[0].level, Level::WARN);
    assert_eq!(
        resumed[0].message(),
        "a plugin resumed what it does not hold, and nothing happens; only what proxy_on_response_* held with Pause can be \
         resumed"
    );
}

#[tokio::test]
async fn what_is_right_is_not_told() {
    // The request was answered without an upstream, so there is no response when its end is logged.
    let guest = Guest::new()
        .on(
            "proxy_on_log",
            r#"(drop (call $has (i32.const 0) @"x-a"))
               (drop (call $has (i32.const 2) @"x-a"))
               (drop (call $has (i32.const 3) @"x-a"))"#,
        )
        .on_request(r#"(call $set (i32.const 0) @"x-a" @"1") (call $reply (i32.const 403))"#);
    assert!(told("hint-none", &guest).await.is_empty());
}

#[test]
fn a_phase_that_rules_callbacks_out_is_told_at_load() {
    let guest = Guest::new()
        .on_request("")
        .on_response("")
        .on("proxy_on_log", "");
    let about = |name: &str| {
        let lines = logs::of(name);
        let is_told = |line: &logs::Line| !line.field("callbacks").is_empty();
        lines.into_iter().find(is_told)
    };
    let built = plugin("hint-phase", &guest).phase(Phase::Log).build();
    let line = about("hint-phase").expect("told");
    assert_eq!((&*line.target, line.level), ("loom::load", Level::INFO));
    assert_eq!(line.field("phase"), "on_log");
    assert_eq!(
        line.field("callbacks"),
        "proxy_on_request_headers, proxy_on_response_headers"
    );
    assert_eq!(
        line.message(),
        "callbacks that the plugin has are not made, since its phase begins later"
    );
    let other = plugin("hint-phase-none", &guest).build();
    assert!(about("hint-phase-none").is_none());
    drop((built, other));
}

#[tokio::test]
async fn a_timeout_names_the_phase_the_times_and_the_key() {
    let guest = Guest::new().on_response("(call $for_ever)");
    let plugin = plugin("hint-timeout", &guest).timeout(Duration::from_millis(50));
    send(plugin.build().unwrap(), get(&[])).await;
    let failed = || {
        let lines = logs::of("hint-timeout");
        lines.into_iter().find(|line| line.target == "loom::vm")
    };
    eventually("it is told", || failed().is_some()).await;
    let failed = failed().unwrap();
    assert_eq!(failed.field("callback"), "proxy_on_response_headers");
    let cause = failed.field("cause");
    let (spent, limit) = cause.split_once(", and ").expect("two parts");
    assert_eq!(limit, "`timeout` is 50 ms");
    let spent = spent.strip_prefix("the call took ").expect("the time");
    let (milliseconds, unit) = spent.split_once(' ').expect("a unit");
    assert!(milliseconds.parse::<u32>().unwrap() >= 50, "{cause}");
    assert!(unit.starts_with("ms of CPU time ("), "{cause}");
    assert_eq!(
        failed.field("cure"),
        "raise `timeout` if the plugin needs more"
    );
}

#[tokio::test]
async fn memory_names_the_limit_what_was_asked_and_the_key() {
    // 100 pages more, and a trap when they are not there.
    let guest = Guest::new().on_request(
        "(if (i32.eq (memory.grow (i32.const 100)) (i32.const -1)) (then unreachable))",
    );
    let plugin = plugin("hint-memory", &guest).memory_limit(1_000_000);
    send(plugin.build().unwrap(), get(&[])).await;
    let failed = || {
        let lines = logs::of("hint-memory");
        lines.into_iter().find(|line| line.target == "loom::vm")
    };
    eventually("it is told", || failed().is_some()).await;
    let failed = failed().unwrap();
    assert_eq!(failed.field("callback"), "proxy_on_request_headers");
    let cause = failed.field("cause");
    assert!(
        cause.starts_with(
            "it asked for 6815744 bytes of memory and its limit is 1000000; raise `memory_limit` if it needs them"
        ),
        "{cause}"
    );
}
