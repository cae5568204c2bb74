//! Root contexts: several configurations of a plugin in the same VMs, and their end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use loom_layer::RequestBody;
use tokio::sync::Semaphore;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::support::{Guest, eventually, get, load, logs, plugin, poll, send, send_for_ever};

/// Tells each stream how long its root's configuration is, and how many root contexts its VM has seen.
fn configurable() -> Guest {
    Guest::new()
        .item("(global $roots (mut i32) (i32.const 0))")
        .on(
            "proxy_on_context_create",
            "(if (local.get $parent)
               (then (i32.store (i32.add (i32.const 32768) (i32.mul (local.get $id) (i32.const 4)))
                 (local.get $parent)))
               (else (global.set $roots (i32.add (global.get $roots) (i32.const 1)))))",
        )
        .on(
            "proxy_on_configure",
            "(if (i32.eq (local.get $size) (i32.const 2)) (then (return (i32.const 0))))
             (if (i32.eq (local.get $size) (i32.const 4)) (then unreachable))
             (i32.store (i32.add (i32.const 16384) (i32.mul (local.get $id) (i32.const 4))) (local.get $size))
             (i32.const 1)",
        )
        .on_request(
            r#"(call $set_num (i32.const 0) @"x-size" (i32.load (i32.add (i32.const 16384)
                 (i32.mul (i32.const 4)
                   (i32.load (i32.add (i32.const 32768) (i32.mul (local.get $id) (i32.const 4))))))))
               (call $set_num (i32.const 0) @"x-roots" (global.get $roots))"#,
        )
        .on("proxy_on_done", r#"(call $say @"done") (i32.const 1)"#)
        .on("proxy_on_delete", r#"(call $say @"delete")"#)
}

#[tokio::test]
async fn other_configurations_live_in_the_same_vms() {
    let first = plugin("with-config", &configurable())
        .config("a")
        .build()
        .unwrap();
    let second = first.with_config("abc").expect("it takes three bytes");
    assert_eq!((first.instances(), second.instances()), (1, 1));
    for (plugin, size) in [(&first, "1"), (&second, "3"), (&first, "1")] {
        let answer = send(plugin.clone(), get(&[])).await;
        assert_eq!((answer.seen("x-size"), answer.seen("x-roots")), (size, "2"));
    }
}

#[tokio::test]
async fn a_variant_of_another_name_is_counted_on_its_own() {
    let first = plugin("with-name", &configurable())
        .config("a")
        .build()
        .unwrap();
    let second = first.variant().name("its-name").build().unwrap();
    assert_eq!((first.name(), second.name()), ("with-name", "its-name"));
    let answer = send(second.clone(), get(&[])).await;
    assert_eq!((answer.seen("x-size"), answer.seen("x-roots")), ("1", "2"));
    assert_eq!(first.stats().callbacks, 0);
    assert!(second.stats().callbacks > 0);
    let nothing = [
        first.variant().name("").build(),
        first.variant().timeout(Duration::ZERO).build(),
    ];
    for refused in nothing {
        assert!(refused.is_err());
    }
}

#[tokio::test]
async fn a_configuration_that_is_refused_or_traps() {
    let first = plugin("with-bad-config", &configurable())
        .config("a")
        .build()
        .unwrap();
    let error = first.with_config("no").expect_err("it refuses two bytes");
    assert!(error.is_rejected(), "{error:?}");
    assert_eq!(error.plugin(), "with-bad-config");
    assert_eq!(first.instances(), 1, "a refusal does no harm");
    assert_eq!(send(first.clone(), get(&[])).await.seen("x-size"), "1");

    // A request that is under way does not notice, and neither does the next one.
    let (gate, reached) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let under_way = tokio::spawn(first.layer(gated(&gate, &reached)).oneshot(get(&[])));
    reached.acquire().await.unwrap().forget();
    let error = first.with_config_async("trap").await;
    let error = error.expect_err("it traps");
    assert!(error.is_start(), "{error:?}");
    assert_eq!(first.instances(), 1, "a trap does no harm either");
    gate.add_permits(1);
    assert_eq!(under_way.await.unwrap().unwrap().status(), 200);
    assert_eq!(send(first.clone(), get(&[])).await.seen("x-size"), "1");
    assert!(
        !logs::of("with-bad-config")
            .iter()
            .any(|line| line.target == "loom::vm")
    );
    assert!(first.with_config_async("abc").await.is_ok());
}

/// A service that answers as soon as it is let.
fn gated(
    gate: &Arc<Semaphore>,
    reached: &Arc<Semaphore>,
) -> impl Service<
    Request<RequestBody<Full<Bytes>>>,
    Response = Response<Full<Bytes>>,
    Error = Infallible,
    Future: Send,
> + Clone
+ use<> {
    let (gate, reached) = (Arc::clone(gate), Arc::clone(reached));
    service_fn(move |_| {
        let (gate, reached) = (Arc::clone(&gate), Arc::clone(&reached));
        async move {
            reached.add_permits(1);
            gate.acquire().await.expect("it stays open").forget();
            Ok(Response::new(Full::from("hello")))
        }
    })
}

/// The VM that only finds out whether a configuration works does not take the queue's notifications with it.
#[tokio::test]
async fn a_configuration_that_is_refused_leaves_queues_alone() {
    let guest = Guest::new()
        .import(
            "env",
            "proxy_register_shared_queue",
            "(func $register (param i32 i32 i32) (result i32))",
        )
        .import(
            "env",
            "proxy_enqueue_shared_queue",
            "(func $enqueue (param i32 i32 i32) (result i32))",
        )
        .on(
            "proxy_on_configure",
            r#"(drop (call $register @"jobs" (i32.const 28)))
               (i32.eqz (local.get $size))"#,
        )
        .on_request(r#"(drop (call $enqueue (i32.load (i32.const 28)) @"job"))"#)
        .item(
            r#"(func (export "proxy_on_queue_ready") (param $root i32) (param $queue i32)
                 (call $say @"ready"))"#,
        );
    let plugin = load("root-queue", &guest);
    assert!(
        plugin
            .with_config("no")
            .is_err_and(|error| error.is_rejected())
    );
    send(plugin.clone(), get(&[])).await;
    eventually("a notification", || !logs::said("root-queue").is_empty()).await;
}

#[tokio::test]
async fn a_root_context_ends_with_its_last_handle() {
    let first = plugin("root-ends", &configurable())
        .config("a")
        .build()
        .unwrap();
    let second = first.with_config("abc").unwrap();
    let clone = second.clone();
    drop(second);
    let reached = Arc::new(Semaphore::new(0));
    let mut stream = Box::pin(send_for_ever(clone, Arc::clone(&reached)));
    assert!(poll(&mut stream).is_pending());
    assert_eq!(reached.available_permits(), 1);
    assert!(
        logs::said("root-ends").is_empty(),
        "a stream still needs it"
    );
    drop(stream);
    eventually("the stream and its root ended", || {
        logs::said("root-ends").len() == 4
    })
    .await;
    assert_eq!(
        logs::said("root-ends"),
        ["done", "delete", "done", "delete"]
    );
    let answer = send(first.clone(), get(&[])).await;
    assert_eq!(answer.seen("x-size"), "1", "the other one goes on");
    drop(first);
    eventually("the first root ended too", || {
        logs::said("root-ends").len() == 8
    })
    .await;
}

#[tokio::test]
async fn the_same_vm_id_and_code_share_a_vm() {
    let shared =
        |name: &str, vm_id: &str| plugin(name, &configurable()).vm_id(vm_id).build().unwrap();
    let (one, two) = (shared("vm-one", "vm-shared"), shared("vm-two", "vm-shared"));
    let other = shared("vm-one", "vm-apart");
    assert_eq!(send(one.clone(), get(&[])).await.seen("x-roots"), "2");
    assert_eq!(send(two, get(&[])).await.seen("x-roots"), "2");
    assert_eq!(send(other, get(&[])).await.seen("x-roots"), "1");
    // Other limits are another VM.
    let limited = plugin("vm-one", &configurable())
        .vm_id("vm-shared")
        .memory_limit(1 << 20)
        .build()
        .unwrap();
    assert_eq!(send(limited, get(&[])).await.seen("x-roots"), "1");
    assert_eq!(one.name(), "vm-one");
}

#[tokio::test]
async fn all_vms_are_there_after_a_while() {
    let plugin = plugin("vms-three", &Guest::new())
        .instances(3)
        .build()
        .unwrap();
    assert!(plugin.instances() >= 1, "the first one is there at once");
    eventually("three", || plugin.instances() == 3).await;
}

/// Two configurations: a root context of the second one says when it begins and when it ends.
fn slow_to_configure(done: &str) -> Guest {
    let of_second = |word: &str| {
        format!(
            r#"(if (i32.load (i32.add (i32.const 16384) (i32.mul (local.get $id) (i32.const 4))))
                 (then (call $say @"{word}")))"#
        )
    };
    Guest::new()
        .item("(global $second (mut i32) (i32.const 0))")
        .on(
            "proxy_on_configure",
            r#"(call $busy (i32.const 3000000))
               (if (i32.eq (local.get $size) (i32.const 3))
                 (then
                   (global.set $second (local.get $id))
                   (i32.store (i32.add (i32.const 16384) (i32.mul (local.get $id) (i32.const 4))) (i32.const 1))
                   (call $say @"begin")))
               (i32.const 1)"#,
        )
        .on("proxy_on_done", &(of_second("done") + done))
        .on("proxy_on_delete", &of_second("delete"))
        .on_request(
            r#"(if (call $has (i32.const 0) @"x-done")
                 (then
                   (drop (call $set_context (global.get $second)))
                   (call $say_num (call $proxy_done))))"#,
        )
}

#[tokio::test]
async fn a_root_context_that_goes_while_vms_are_built() {
    for round in 0..5 {
        let name = format!("root-goes-{round}");
        let first = plugin(&name, &slow_to_configure("(i32.const 1)"))
            .instances(6)
            .build()
            .unwrap();
        let second = first.with_config("abc").unwrap();
        tokio::time::sleep(Duration::from_millis(round)).await;
        drop(second);
        eventually("all VMs are there", || first.instances() == 6).await;
        let count = |word: &str| {
            logs::said(&name)
                .iter()
                .filter(|said| *said == word)
                .count()
        };
        eventually("what began ended", || {
            count("begin") > 0 && count("delete") == count("begin")
        })
        .await;
    }
}

#[tokio::test]
async fn a_root_context_that_puts_its_end_off() {
    let first = plugin("root-deferred", &slow_to_configure("(i32.const 0)"))
        .build()
        .unwrap();
    drop(first.with_config("abc").unwrap());
    eventually("it is asked", || logs::said("root-deferred").len() == 2).await;
    send(first.clone(), get(&[])).await;
    assert_eq!(logs::said("root-deferred"), ["begin", "done"]);
    send(first.clone(), get(&[("x-done", "1")])).await;
    assert_eq!(
        logs::said("root-deferred"),
        ["begin", "done", "0", "delete"]
    );
}

/// Puts its end off, and says so; with `tick`, its next tick ends it.
fn puts_its_end_off(tick: &str) -> Guest {
    Guest::new()
        .import(
            "env",
            "proxy_set_tick_period_milliseconds",
            "(func $set_tick (param i32) (result i32))",
        )
        .item(&format!(
            r#"(func (export "proxy_on_tick") (param $id i32) {tick})"#
        ))
        .on(
            "proxy_on_done",
            r#"(call $say @"done") (drop (call $set_tick (i32.const 10))) (i32.const 0)"#,
        )
        .on("proxy_on_delete", r#"(call $say @"delete")"#)
}

#[tokio::test]
async fn the_last_plugin_of_a_vm_may_put_its_end_off() {
    let guest = puts_its_end_off("(call $say_num (call $proxy_done))");
    drop(load("root-last", &guest));
    eventually("it ends", || logs::said("root-last").len() == 3).await;
    assert_eq!(logs::said("root-last"), ["done", "0", "delete"]);
}

#[tokio::test]
async fn an_end_that_is_put_off_comes_after_the_pause_timeout() {
    let name = "root-never-done";
    let limit = Duration::from_millis(50);
    let plugin = plugin(name, &puts_its_end_off("")).pause_timeout(limit);
    drop(plugin.build().unwrap());
    eventually("it ends", || logs::said(name).len() == 2).await;
    assert_eq!(logs::said(name), ["done", "delete"]);
    let says = "a plugin put off its end for longer than its pause_timeout";
    assert!(logs::of(name).iter().any(|line| line.message() == says));
}
