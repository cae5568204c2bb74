//! Metrics.

use loom_layer::{LoomRuntime, MetricValue};

use super::super::support::{get, plugin, send};
use super::{alone, answers, guest};

#[test]
fn metric_answers() {
    answers(
        "metric-answers",
        &[
            (r#"(call $define (i32.const 3) @"m" (i32.const 24))"#, 2),
            (
                r#"(call $define (i32.const 0) @"answers.c" (i32.const 24))"#,
                0,
            ),
            ("(i32.load (i32.const 24))", 4),
            (
                r#"(call $define (i32.const 1) @"answers.g" (i32.const 24))"#,
                0,
            ),
            ("(i32.load (i32.const 24))", 5),
            (
                r#"(call $define (i32.const 2) @"answers.h" (i32.const 24))"#,
                0,
            ),
            ("(i32.load (i32.const 24))", 6),
            ("(call $increment (i32.const 4) (i64.const 2))", 0),
            ("(call $increment (i32.const 4) (i64.const 0))", 2),
            ("(call $increment (i32.const 4) (i64.const -1))", 2),
            ("(call $record (i32.const 4) (i64.const 3))", 0),
            ("(call $get_metric (i32.const 4) (i32.const 32))", 0),
            ("(i32.wrap_i64 (i64.load (i32.const 32)))", 5),
            ("(call $record (i32.const 5) (i64.const 10))", 0),
            ("(call $increment (i32.const 5) (i64.const -3))", 0),
            ("(call $get_metric (i32.const 5) (i32.const 32))", 0),
            ("(i32.wrap_i64 (i64.load (i32.const 32)))", 7),
            ("(call $record (i32.const 6) (i64.const 10))", 0),
            ("(call $increment (i32.const 6) (i64.const 1))", 2),
            ("(call $get_metric (i32.const 6) (i32.const 32))", 2),
            ("(call $increment (i32.const 400) (i64.const 1))", 1),
            ("(call $increment (i32.const 401) (i64.const 1))", 1),
            ("(call $increment (i32.const 402) (i64.const 1))", 2),
            ("(call $increment (i32.const 403) (i64.const 1))", 2),
            ("(call $record (i32.const 400) (i64.const 1))", 1),
            ("(call $record (i32.const 402) (i64.const 1))", 1),
            ("(call $record (i32.const 403) (i64.const 1))", 1),
            ("(call $get_metric (i32.const 400) (i32.const 32))", 1),
            ("(call $get_metric (i32.const 402) (i32.const 32))", 2),
            ("(call $get_metric (i32.const 403) (i32.const 32))", 2),
        ],
    );
}

#[tokio::test]
async fn an_application_reads_what_all_vms_counted() {
    let runtime = alone(LoomRuntime::builder());
    let guest = guest()
        .on(
            "proxy_on_configure",
            r#"(drop (call $define (i32.const 0) @"requests" (i32.const 24)))
               (drop (call $define (i32.const 1) @"open" (i32.const 24)))
               (drop (call $define (i32.const 2) @"size" (i32.const 24)))
               (i32.const 1)"#,
        )
        .on_request(
            r#"(drop (call $increment (i32.const 4) (i64.const 1)))
               (drop (call $increment (i32.const 5) (i64.const 1)))
               (drop (call $record (i32.const 6) (i64.const 30)))"#,
        )
        .on_response("(drop (call $increment (i32.const 5) (i64.const -1)))");
    for name in ["metrics-one", "metrics-two"] {
        let plugin = plugin(name, &guest).runtime(&runtime).build().unwrap();
        for _ in 0..3 {
            send(plugin.clone(), get(&[])).await;
        }
    }
    let metrics = runtime.metrics();
    let names: Vec<_> = metrics.iter().map(loom_layer::Metric::name).collect();
    assert_eq!(names, ["open", "requests", "size"]);
    assert_eq!(*metrics[0].value(), MetricValue::Gauge(0));
    assert_eq!(*metrics[1].value(), MetricValue::Counter(6));
    let MetricValue::Histogram(sizes) = metrics[2].value() else {
        panic!("{metrics:?}");
    };
    assert_eq!((sizes.count(), sizes.sum()), (6, 180));
    let below: Vec<_> = sizes.buckets().filter(|(bound, _)| *bound < 100).collect();
    assert_eq!(below, [(1, 0), (2, 0), (5, 0), (10, 0), (20, 0), (50, 6)]);
}
