//! Shared queues.

use super::super::support::{eventually, get, load, logs, plugin, send};
use super::{answers, guest};

#[tokio::test]
async fn a_queue_leads_from_one_plugin_to_another() {
    let reader = guest().on(
        "proxy_on_configure",
        r#"(call $say_num (call $register @"jobs" (i32.const 24)))
           (i32.store (i32.const 28) (i32.load (i32.const 24)))
           (i32.const 1)"#,
    );
    let reader = reader.item(
        r#"(func (export "proxy_on_queue_ready") (param $root i32) (param $queue i32)
             (call $say_num (i32.eq (local.get $queue) (i32.load (i32.const 28))))
             (call $say_num (call $dequeue (local.get $queue) (i32.const 16) (i32.const 20)))
             (call $say (call $out) (call $out_len)))"#,
    );
    let writer = guest().on_request(
        r#"(call $set_num (i32.const 0) @"x-none" (call $resolve @"" @"jobs" (i32.const 24)))
           (call $set_num (i32.const 0) @"x-resolve" (call $resolve @"queue-space" @"jobs" (i32.const 24)))
           (drop (call $get (i32.const 0) @"x-job" (i32.const 16) (i32.const 20)))
           (call $set_num (i32.const 0) @"x-enqueue"
             (call $enqueue (i32.load (i32.const 24)) (call $out) (call $out_len)))"#,
    );
    let reader = plugin("queue-reader", &reader).vm_id("queue-space");
    let _reader = reader.build().unwrap();
    assert_eq!(logs::said("queue-reader"), ["0"]);
    let writer = plugin("queue-writer", &writer).instances(2).build();
    let writer = writer.unwrap();
    let mut wanted = vec!["0".to_owned()];
    for job in ["one", "two", "three"] {
        let answer = send(writer.clone(), get(&[("x-job", job)])).await;
        assert_eq!(answer.seen("x-none"), "1", "its own vm_id has no queue");
        assert_eq!(answer.seen("x-resolve"), "0");
        assert_eq!(answer.seen("x-enqueue"), "0");
        wanted.extend(["1", "0", job].map(str::to_owned));
    }
    eventually("three notifications", || {
        logs::said("queue-reader").len() >= wanted.len()
    })
    .await;
    assert_eq!(logs::said("queue-reader"), wanted);
}

#[tokio::test]
async fn a_notification_can_come_when_nothing_is_left() {
    // The notification waits until the VM is free, and by then the plugin has taken the item itself.
    let guest = guest()
        .on(
            "proxy_on_configure",
            r#"(drop (call $register @"jobs" (i32.const 28))) (i32.const 1)"#,
        )
        .on_request(
            r#"(drop (call $enqueue (i32.load (i32.const 28)) @"job"))
               (call $set_num (i32.const 0) @"x-dequeue"
                 (call $dequeue (i32.load (i32.const 28)) (i32.const 16) (i32.const 20)))"#,
        )
        .item(
            r#"(func (export "proxy_on_queue_ready") (param $root i32) (param $queue i32)
                 (call $say_num (call $dequeue (local.get $queue) (i32.const 16) (i32.const 20))))"#,
        );
    let answer = send(load("queue-late", &guest), get(&[])).await;
    assert_eq!(answer.seen("x-dequeue"), "0");
    eventually("a notification", || !logs::said("queue-late").is_empty()).await;
    assert_eq!(logs::said("queue-late"), ["7"]);
}

#[tokio::test]
async fn a_queue_outlives_the_plugin_that_registered_it() {
    let reader = guest()
        .on(
            "proxy_on_configure",
            r#"(drop (call $register @"jobs" (i32.const 24))) (i32.const 1)"#,
        )
        .on("proxy_on_delete", r#"(call $say @"deleted")"#)
        .item(
            r#"(func (export "proxy_on_queue_ready") (param $root i32) (param $queue i32)
                 (call $say @"ready"))"#,
        );
    let keeper = guest().on_request(
        r#"(drop (call $resolve @"" @"jobs" (i32.const 24)))
           (call $set_num (i32.const 0) @"x-enqueue" (call $enqueue (i32.load (i32.const 24)) @"job"))
           (call $set_num (i32.const 0) @"x-dequeue"
             (call $dequeue (i32.load (i32.const 24)) (i32.const 16) (i32.const 20)))"#,
    );
    let keeper = plugin("queue-keeper", &keeper).vm_id("kept-space");
    let keeper = keeper.build().unwrap();
    let reader = plugin("queue-gone", &reader).vm_id("kept-space");
    drop(reader.build().unwrap());
    eventually("the reader is gone", || {
        !logs::said("queue-gone").is_empty()
    })
    .await;
    let answer = send(keeper, get(&[])).await;
    assert_eq!(answer.seen("x-enqueue"), "0");
    assert_eq!(answer.seen("x-dequeue"), "0");
    assert_eq!(logs::said("queue-gone"), ["deleted"], "and nothing more");
}

#[test]
fn queue_answers() {
    answers(
        "queue-answers",
        &[
            (
                r#"(call $resolve (i32.const 0) (i32.const 0) @"q" (i32.const 24))"#,
                1,
            ),
            (r#"(call $register @"q" (i32.const 24))"#, 0),
            (r#"(call $register @"q" (i32.const 28))"#, 0),
            (
                "(i32.eq (i32.load (i32.const 24)) (i32.load (i32.const 28)))",
                1,
            ),
            ("(i32.eqz (i32.load (i32.const 24)))", 0),
            (
                r#"(call $resolve (i32.const 0) (i32.const 0) @"q" (i32.const 28))"#,
                0,
            ),
            (r#"(call $resolve @"queue-answers" @"q" (i32.const 28))"#, 0),
            (r#"(call $resolve @"elsewhere" @"q" (i32.const 28))"#, 1),
            (
                "(call $dequeue (i32.load (i32.const 24)) (i32.const 16) (i32.const 20))",
                7,
            ),
            (
                "(call $enqueue (i32.load (i32.const 24)) (i32.const 0) (i32.const 0))",
                0,
            ),
            (
                "(call $dequeue (i32.load (i32.const 24)) (i32.const 16) (i32.const 20))",
                0,
            ),
            ("(call $out)", 0),
            (r#"(call $enqueue (i32.const 0) @"x")"#, 1),
            (r#"(call $enqueue (i32.const -1) @"x")"#, 1),
            (
                "(call $dequeue (i32.const 0) (i32.const 16) (i32.const 20))",
                1,
            ),
            (
                "(call $dequeue (i32.const -1) (i32.const 16) (i32.const 20))",
                1,
            ),
        ],
    );
}
