//! Shared data.

use std::collections::BTreeSet;

use super::super::support::{eventually, get, load, logs, plugin, send};
use super::{answers, guest};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sum_over_all_vms_is_exact() {
    const REQUESTS: u32 = 400;
    // A value of a key that does not exist is stored whatever its stamp, so somebody has to store the first one.
    let guest = guest()
        .item("(global $local (mut i32) (i32.const 0))")
        .on(
            "proxy_on_configure",
            r#"(if (call $get_data @"sum" (i32.const 16) (i32.const 20) (i32.const 24))
                 (then (drop (call $set_data @"sum" (i32.const 32) (i32.const 4) (i32.const 0)))))
               (i32.const 1)"#,
        )
        .on_request(
            r#"(loop $again
                 (drop (call $get_data @"sum" (i32.const 16) (i32.const 20) (i32.const 24)))
                 (call $busy (i32.const 1000))
                 (i32.store (i32.const 32) (i32.add (i32.load (call $out)) (i32.const 1)))
                 (br_if $again (i32.eq (i32.const 8)
                   (call $set_data @"sum" (i32.const 32) (i32.const 4) (i32.load (i32.const 24))))))
               (global.set $local (i32.add (global.get $local) (i32.const 1)))
               (call $set_num (i32.const 0) @"x-local" (global.get $local))
               (call $set_num (i32.const 0) @"x-sum" (i32.load (i32.const 32)))"#,
        );
    let plugin = plugin("cas-sum", &guest).instances(4).build().unwrap();
    eventually("all VMs are there", || plugin.instances() == 4).await;
    let requests: Vec<_> = (0..REQUESTS)
        .map(|_| tokio::spawn(send(plugin.clone(), get(&[]))))
        .collect();
    let (mut sums, mut most_in_one_vm) = (BTreeSet::new(), 0);
    for request in requests {
        let answer = request.await.expect("no panic");
        let number = |name| answer.seen(name).parse::<u32>().expect("a number");
        sums.insert(number("x-sum"));
        most_in_one_vm = most_in_one_vm.max(number("x-local"));
    }
    assert_eq!(
        sums,
        (1..=REQUESTS).collect(),
        "no value twice, none left out"
    );
    assert!(most_in_one_vm < REQUESTS, "several VMs took part");
}

#[test]
fn shared_data_answers() {
    answers(
        "data-answers",
        &[
            (
                r#"(call $get_data @"k" (i32.const 16) (i32.const 20) (i32.const 24))"#,
                1,
            ),
            (r#"(call $set_data @"k" @"value" (i32.const 77))"#, 0),
            (r#"(call $set_data @"k" @"other" (i32.const 77))"#, 8),
            (
                r#"(call $get_data @"k" (i32.const 16) (i32.const 20) (i32.const 24))"#,
                0,
            ),
            ("(call $out_len)", 5),
            (
                r#"(call $set_data @"k" (i32.const 0) (i32.const 0) (i32.load (i32.const 24)))"#,
                0,
            ),
            (
                r#"(call $get_data @"k" (i32.const 16) (i32.const 20) (i32.const 24))"#,
                0,
            ),
            ("(call $out)", 0),
            ("(call $out_len)", 0),
            (
                r#"(i32.eqz (call $set_data @"k" @"v" (i32.load (i32.const 24))))"#,
                1,
            ),
        ],
    );
}

#[tokio::test]
async fn plugins_with_one_vm_id_share_data_and_others_do_not() {
    let write = guest().on(
        "proxy_on_configure",
        r#"(call $say_num (call $set_data @"k" @"shared" (i32.const 0))) (i32.const 1)"#,
    );
    let read = guest().on(
        "proxy_on_configure",
        r#"(call $say_num (call $get_data @"k" (i32.const 16) (i32.const 20) (i32.const 24)))
           (call $say (call $out) (call $out_len))
           (i32.const 1)"#,
    );
    let writer = plugin("data-writer", &write).vm_id("data-space");
    let writer = writer.build().unwrap();
    let reader = plugin("data-reader", &read).vm_id("data-space");
    let _reader = reader.build().unwrap();
    assert_eq!(logs::said("data-reader"), ["0", "shared"]);
    let _stranger = load("data-stranger", &read);
    assert_eq!(logs::said("data-stranger"), ["1", ""]);
    drop(writer);
    let _late = plugin("data-late", &read).vm_id("data-space").build();
    assert_eq!(logs::said("data-late"), ["0", "shared"], "one is left");
}
