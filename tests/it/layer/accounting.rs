//! Contexts, counted inside the guests: as many end as begin, under load and when clients go away.

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use loom_layer::{LoomPlugin, RequestBody};
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt, service_fn};

use super::support::{Guest, eventually, get, logs, poll, send};

type Plain = Request<RequestBody<Full<Bytes>>>;

/// Counts its contexts, and logs `VM created deleted` with each deletion; a VM is named by the time of its start.
fn counting() -> Guest {
    Guest::new()
        .item("(global $tag (mut i32) (i32.const 0))")
        .item("(global $created (mut i32) (i32.const 0))")
        .item("(global $deleted (mut i32) (i32.const 0))")
        .item("(global $requests (mut i32) (i32.const 0))")
        .item("(global $end (mut i32) (i32.const 0))")
        .item(
            "(func $append (param $n i32)
               (call $format (local.get $n))
               (memory.copy (global.get $end) (global.get $digits) (global.get $digits_len))
               (global.set $end (i32.add (global.get $end) (global.get $digits_len)))
               (i32.store8 (global.get $end) (i32.const 32))
               (global.set $end (i32.add (global.get $end) (i32.const 1))))",
        )
        .on(
            "proxy_on_configure",
            "(drop (call $now (i32.const 24)))
             (global.set $tag (i32.and (i32.load (i32.const 24)) (i32.const 0x7fffffff)))
             (i32.const 1)",
        )
        .on(
            "proxy_on_context_create",
            "(if (local.get $parent)
               (then (global.set $created (i32.add (global.get $created) (i32.const 1)))))",
        )
        .on_request("(global.set $requests (i32.add (global.get $requests) (i32.const 1)))")
        // Whoever wants to log gets a context even for a request that left before its first callback.
        .on("proxy_on_log", "")
        .on(
            "proxy_on_delete",
            "(global.set $deleted (i32.add (global.get $deleted) (i32.const 1)))
             (global.set $end (i32.const 512))
             (call $append (global.get $tag))
             (call $append (global.get $created))
             (call $append (global.get $deleted))
             (call $append (global.get $requests))
             (call $say (i32.const 512) (i32.sub (global.get $end) (i32.const 512)))",
        )
}

/// What the VMs of a counting plugin counted: how many there are, and the sums of created, deleted and requests.
fn counts(name: &str) -> (usize, [u32; 3]) {
    let mut by_vm = std::collections::HashMap::<u32, [u32; 3]>::new();
    for line in logs::said(name) {
        let numbers: Vec<u32> = line
            .split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect();
        let counts = by_vm.entry(numbers[0]).or_default();
        for (count, &number) in counts.iter_mut().zip(&numbers[1..]) {
            *count = (*count).max(number);
        }
    }
    let sum = |at: usize| by_vm.values().map(|counts| counts[at]).sum();
    (by_vm.len(), [sum(0), sum(1), sum(2)])
}

fn counted(name: &str, instances: usize) -> LoomPlugin {
    super::support::plugin(name, &counting())
        .instances(instances)
        .timeout(Duration::from_secs(5))
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_requests_at_once() {
    let plugin = counted("life-thousand", 4);
    let requests: Vec<_> = (0..1000)
        .map(|_| tokio::spawn(send(plugin.clone(), get(&[]))))
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap().status, 200);
    }
    eventually("all are deleted", || counts("life-thousand").1[1] == 1000).await;
    let (vms, [created, deleted, requests]) = counts("life-thousand");
    assert_eq!((created, deleted, requests), (1000, 1000, 1000));
    assert!((1..=4).contains(&vms), "{vms}");
    assert!((1..=4).contains(&plugin.instances()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_clients_of_which_most_go_away() {
    let plugin = counted("life-cancelled", 2);
    let inner = service_fn(|request: Plain| async move {
        if request.headers().contains_key("x-slow") {
            pending::<()>().await;
        }
        tokio::task::yield_now().await;
        let frames = ["a", "b"].map(|part| Ok::<_, Infallible>(Frame::data(Bytes::from(part))));
        Ok::<_, Infallible>(Response::new(StreamBody::new(stream::iter(frames))))
    });
    let service = plugin.layer(inner);
    let clients: Vec<_> = (0..1000)
        .map(|number| {
            let headers: &[_] = if number % 3 == 0 {
                &[("x-slow", "1")]
            } else {
                &[]
            };
            let call = service.clone().oneshot(get(headers));
            tokio::spawn(async move {
                let limit = Duration::from_millis(5);
                let response = tokio::time::timeout(limit, call).await.ok()?;
                let mut body = response.unwrap().into_body();
                let first = body.frame().await;
                (number % 3 == 1).then_some(first)
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    eventually("all are deleted", || counts("life-cancelled").1[1] == 1000).await;
    let (vms, [created, deleted, _]) = counts("life-cancelled");
    assert_eq!((created, deleted), (1000, 1000));
    assert!((1..=2).contains(&vms), "{vms}");
}

/// Streams that are dropped while another thread is inside their VM end later, and nobody waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_while_the_vm_is_busy() {
    let shared = |guest: Guest, body: &str| {
        guest
            .import(
                "env",
                "proxy_get_shared_data",
                "(func $get_data (param i32 i32 i32 i32 i32) (result i32))",
            )
            .import(
                "env",
                "proxy_set_shared_data",
                "(func $set_data (param i32 i32 i32 i32 i32) (result i32))",
            )
            .on_request(body)
    };
    // Works until a plugin in another VM says that it is enough.
    let busy = shared(
        Guest::new().on("proxy_on_delete", r#"(call $say @"delete")"#),
        r#"(if (call $has (i32.const 0) @"x-busy")
             (then (loop $again
               (br_if $again (call $get_data @"enough" (i32.const 16) (i32.const 20) (i32.const 24))))))"#,
    );
    let busy = super::support::plugin("busy", &busy)
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let enough = shared(
        Guest::new(),
        r#"(drop (call $set_data @"enough" @"1" (i32.const 0)))"#,
    );
    let enough = super::support::plugin("busy-enough", &enough)
        .vm_id("busy")
        .build()
        .unwrap();

    let reached = Arc::new(Semaphore::new(0));
    let service = busy.layer(service_fn({
        let reached = Arc::clone(&reached);
        move |_: Plain| {
            reached.add_permits(1);
            pending::<Result<Response<Empty<Bytes>>, Infallible>>()
        }
    }));
    let mut waiting: Vec<_> = (0..50)
        .map(|_| Box::pin(service.clone().oneshot(get(&[]))))
        .collect();
    for future in &mut waiting {
        assert!(poll(future).is_pending());
    }
    assert_eq!(reached.available_permits(), 50);

    let working = tokio::spawn(send(busy.clone(), get(&[("x-busy", "1")])));
    // Until the other thread is inside: then a newcomer does not get to the service.
    loop {
        let mut newcomer = pin!(service.clone().oneshot(get(&[])));
        let before = reached.available_permits();
        assert!(poll(&mut newcomer).is_pending());
        if reached.available_permits() == before {
            break;
        }
        tokio::task::yield_now().await;
    }
    drop(waiting);
    assert!(!working.is_finished(), "the drops waited for nobody");
    assert_eq!(send(enough, get(&[])).await.status, 200);
    assert_eq!(working.await.unwrap().status, 200);
    let streams = reached.available_permits() + 1;
    eventually("all are deleted", || logs::said("busy").len() == streams).await;
}
