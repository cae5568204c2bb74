//! A plugin that loops for ever, beside one that works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::support::{Guest, get, load, plugin, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_looping_clients_and_a_route_that_goes_on() {
    let endless = plugin(
        "neighbour-loops",
        &Guest::new().on_request("(call $for_ever)"),
    )
    .instances(2)
    .timeout(Duration::from_millis(50))
    .build()
    .unwrap();
    let good = load(
        "neighbour-works",
        &Guest::new().on_request(r#"(call $set (i32.const 0) @"x-a" @"1")"#),
    );
    let over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let looping: Vec<_> = (0..64)
        .map(|_| {
            let (plugin, over, answered) =
                (endless.clone(), Arc::clone(&over), Arc::clone(&answered));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let answer = send(plugin.clone(), get(&[])).await;
                    assert_eq!(answer.status, 503);
                    assert!(answer.seen.is_none());
                    answered.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let working = tokio::spawn(async move {
        for _ in 0..1000 {
            let answer = send(good.clone(), get(&[])).await;
            assert_eq!((answer.status.as_u16(), answer.seen("x-a")), (200, "1"));
            tokio::task::yield_now().await;
        }
    });
    working.await.expect("all 1,000 are answered with 200");
    over.store(true, Ordering::Relaxed);
    for client in looping {
        client
            .await
            .expect("every looping one is answered with 503");
    }
    assert!(answered.load(Ordering::Relaxed) >= 64);
}
