//! Reloads while requests run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::super::support::{Raw, Upstream, address, start, within};
use super::plugins::{counter, through};
use super::{GET, config};

/// Each one changes the plugin, its file, the route and the upstream in turn; every request is answered by one of them.
async fn reload_under_load(reloads: usize) {
    const CLIENTS: usize = 8;
    let folder = tempfile::tempdir().expect("a folder");
    let file = counter(folder.path(), "count", 'a');
    let backend = Upstream::bind().await.say("ok");
    let yaml = |number: usize| {
        let more = if number.is_multiple_of(2) {
            ""
        } else {
            ", timeout: 70ms"
        };
        let upstream = if number.is_multiple_of(3) {
            "echo"
        } else {
            "backend"
        };
        through(&file, more)
            .replace(
                "upstream: echo",
                &format!("upstream: {upstream}, timeout: {}s", 30 + number),
            )
            .replace(
                "upstreams: [",
                &format!("upstreams: [{{name: backend, endpoints: '{backend}'}}, "),
            )
    };
    let gateway = start(&yaml(0)).await;
    let at = address(&gateway);
    let (done, answered) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (done, answered) = (Arc::clone(&done), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut raw = Raw::connect(at).await;
                while !done.load(Ordering::Relaxed) {
                    // Some make a new connection each time, as a listener that is touched would show.
                    if client % 4 == 0 {
                        raw = Raw::connect(at).await;
                    }
                    raw.send(GET).await;
                    let response = raw.response().await;
                    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
                    assert!(!response.contains("connection: close"), "{response}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for number in 1..=reloads {
        if number.is_multiple_of(5) {
            let letter = if number.is_multiple_of(2) { 'a' } else { 'b' };
            counter(folder.path(), "count", letter);
        }
        let before = answered.load(Ordering::Relaxed);
        gateway
            .reload(config(&yaml(number)))
            .await
            .expect("a valid one");
        // The next one comes when requests have met this one.
        within(async {
            while answered.load(Ordering::Relaxed) < before + CLIENTS {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        within(client).await.expect("no failed request");
    }
    let stats = gateway.reloader().stats();
    assert_eq!((stats.succeeded, stats.failed), (reloads as u64, 0));
    assert!(answered.load(Ordering::Relaxed) >= reloads * CLIENTS);
    within(async {
        while gateway.vms() > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_under_load_fail_no_request() {
    reload_under_load(200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes longer"]
async fn a_thousand_reloads_under_load_fail_no_request() {
    reload_under_load(1000).await;
}
