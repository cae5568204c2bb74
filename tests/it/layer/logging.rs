//! What plugins say, on its way into `tracing`.

use loom_layer::LogLevel;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

use super::support::{Guest, get, load, logs, plugin, send};

/// Says something at every level there is, and two that there are not.
fn talkative() -> Guest {
    let lines: String = (0..8)
        .map(|level| {
            format!(
                r#"(call $set_num (i32.const 0) @"x-{level}" (call $log (i32.const {level}) @"line {level}"))"#
            )
        })
        .collect();
    Guest::new().on_request(&format!(
        r#"{lines}
           (drop (call $get_log_level (i32.const 24)))
           (call $set_num (i32.const 0) @"x-level" (i32.load (i32.const 24)))"#
    ))
}

#[tokio::test]
async fn levels_and_fields() {
    let answer = send(load("log-levels", &talkative()), get(&[])).await;
    let statuses: Vec<_> = (0..8)
        .map(|level| answer.seen(&format!("x-{level}")))
        .collect();
    assert_eq!(statuses, ["0", "0", "0", "0", "0", "0", "2", "2"]);
    assert_eq!(
        answer.seen("x-level"),
        "0",
        "the subscriber takes everything"
    );
    let lines = logs::of("log-levels");
    let lines: Vec<_> = lines
        .iter()
        .filter(|line| line.message().starts_with("line"))
        .map(|line| {
            (
                line.level,
                line.message(),
                line.target.as_str(),
                line.field("context"),
            )
        })
        .collect();
    let target = "loom::plugin";
    assert_eq!(
        lines,
        [
            (Level::TRACE, "line 0", target, "2"),
            (Level::DEBUG, "line 1", target, "2"),
            (Level::INFO, "line 2", target, "2"),
            (Level::WARN, "line 3", target, "2"),
            (Level::ERROR, "line 4", target, "2"),
            (Level::ERROR, "line 5", target, "2"),
        ],
        "the root's context is 1, the stream's 2"
    );
}

#[tokio::test]
async fn the_plugin_s_own_level() {
    let cases = [
        (LogLevel::Trace, 6, "0"),
        (LogLevel::Debug, 5, "1"),
        (LogLevel::Info, 4, "2"),
        (LogLevel::Warn, 3, "3"),
        (LogLevel::Error, 2, "4"),
    ];
    for (level, count, number) in cases {
        let name = format!("log-own-{number}");
        let plugin = plugin(&name, &talkative())
            .log_level(level)
            .build()
            .unwrap();
        let answer = send(plugin, get(&[])).await;
        assert_eq!(logs::said(&name).len(), count, "{level:?}");
        assert_eq!(answer.seen("x-level"), number);
        assert_eq!(
            answer.seen("x-0"),
            "0",
            "what is not let through is fine too"
        );
    }
}

/// The subscriber's filter decides what comes out, and, for a plugin without a level, what goes in.
#[tokio::test]
async fn the_subscriber_s_filter() {
    let quiet = plugin("log-filter", &talkative()).build().unwrap();
    let loud = plugin("log-filter-own", &talkative())
        .log_level(LogLevel::Trace)
        .build()
        .unwrap();
    let filter = Targets::new().with_target("loom::plugin", Level::WARN);
    let subscriber = tracing_subscriber::registry()
        .with(filter)
        .with(logs::Recorder);
    let _default = tracing::subscriber::set_default(subscriber);
    assert_eq!(send(quiet, get(&[])).await.seen("x-level"), "3");
    assert_eq!(logs::said("log-filter").len(), 3);
    assert_eq!(send(loud, get(&[])).await.seen("x-level"), "0");
    assert_eq!(logs::said("log-filter-own").len(), 3);
}

#[tokio::test]
async fn nobody_listens() {
    let plugin = plugin("log-nobody", &talkative()).build().unwrap();
    let _default = tracing::subscriber::set_default(tracing::subscriber::NoSubscriber::new());
    let answer = send(plugin, get(&[])).await;
    assert_eq!(answer.seen("x-level"), "6", "off");
    assert_eq!(answer.seen("x-7"), "2", "a bad level is one nevertheless");
}

#[tokio::test]
async fn lines_that_are_no_text_or_long() {
    let guest = Guest::new().on_request(
        r#"(call $say @"\ff\fe")
           (call $say (i32.const 65536) (i32.const 131072))
           (call $say @"after")"#,
    );
    send(load("log-odd", &guest), get(&[])).await;
    let said = logs::said("log-odd");
    assert_eq!(said[0], "\u{fffd}\u{fffd}");
    assert_eq!(said[1].len(), 64 * 1024 - 2, "cut where the limit is");
    assert_eq!(said.len(), 2);
    assert!(
        logs::of("log-odd")
            .iter()
            .any(|line| line.field("dropped") == "1" && line.level == Level::WARN)
    );
}

#[tokio::test]
async fn a_flood_is_cut_and_counted() {
    let guest = Guest::new().on_request(
        r#"(local.set $i (i32.const 10000))
           (loop $more
             (call $say @"noise")
             (local.set $i (i32.sub (local.get $i) (i32.const 1)))
             (br_if $more (local.get $i)))"#,
    );
    let plugin = load("log-flood", &guest);
    assert_eq!(send(plugin.clone(), get(&[])).await.status, 200);
    let said = logs::said("log-flood").len();
    assert!((1..=256).contains(&said), "{said}");
    let dropped: usize = logs::of("log-flood")
        .iter()
        .filter_map(|line| line.field("dropped").parse::<usize>().ok())
        .sum();
    assert_eq!(said + dropped, 10_000);
    assert_eq!(
        send(plugin, get(&[])).await.status,
        200,
        "the next one may speak"
    );
    assert!(logs::said("log-flood").len() > said);
}
