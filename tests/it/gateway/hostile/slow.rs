//! Clients that take their time, and what waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::Recorder;
use crate::gateway::support::{Raw, Upstream, address, panics, proxy_to, read_head, start, within};

/// Longer than what kernel and gateway hold by far.
const BIG: usize = 256 << 20;

/// An upstream that answers one request with a big body, and counts what was taken of it.
async fn big(upstream: Upstream) -> Arc<AtomicUsize> {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    tokio::spawn(async move {
        let mut stream = upstream.accept().await;
        read_head(&mut stream).await;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {BIG}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("a reader");
        let piece = vec![0; 64 << 10];
        while stream.write_all(&piece).await.is_ok() {
            counted.fetch_add(piece.len(), Ordering::Relaxed);
        }
    });
    taken
}

/// The value once it does not change any more.
pub(super) async fn steady(count: &AtomicUsize) -> usize {
    within(async {
        let mut before = usize::MAX;
        loop {
            let now = count.load(Ordering::Relaxed);
            if now == before && now > 0 {
                return now;
            }
            before = now;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await
}

async fn until_nothing_is_in_flight(gateway: &loom_gateway::Running) {
    within(async {
        while gateway.upstreams()[0].endpoints[0].in_flight > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_upstream() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let taken = big(upstream).await;
    let mut client = Raw::connect(address(&gateway)).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let taken = steady(&taken).await;
    assert!(taken < BIG / 8, "{taken} bytes are somewhere");
    drop(client);
    until_nothing_is_in_flight(&gateway).await;
    panics::assert_none();
}

#[tokio::test]
async fn a_client_of_http2_that_grants_no_window_stops_the_upstream() {
    use crate::gateway::support::frames::{END_STREAM, Frames, SETTINGS, frame, headers};
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let taken = big(upstream).await;
    let mut client = Frames::connect(address(&gateway)).await;
    let shut = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let get = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "a"),
    ];
    client
        .send([shut, headers(1, &get, END_STREAM)].concat())
        .await;
    let taken = steady(&taken).await;
    assert!(taken < BIG / 8, "{taken} bytes are somewhere");
    drop(client);
    until_nothing_is_in_flight(&gateway).await;
    panics::assert_none();
}

/// `idle_timeout` ends what does not come. What does not go is for the limits of the listener.
#[tokio::test]
async fn a_route_says_how_long_nothing_may_move() {
    let upstream = Upstream::bind().await;
    let gateway = start(&format!(
        "routes: [{{id: all, path: '/*', upstream: a, idle_timeout: 300ms}}]\nupstreams: [{{name: a, endpoints: ['{}']}}]",
        upstream.address()
    ))
    .await;
    // A body that stops.
    let mut client = Raw::connect(address(&gateway)).await;
    client
        .send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello")
        .await;
    let response = client.response().await;
    assert!(response.starts_with("HTTP/1.1 504 "), "{response}");
    until_nothing_is_in_flight(&gateway).await;
    panics::assert_none();
}

/// Slowly written requests hold a connection, and nothing else.
#[tokio::test]
async fn slow_heads_do_not_keep_others_out() {
    let upstream = Recorder::start().await;
    let gateway = start(&format!(
        "listeners: [{{name: web, address: '127.0.0.1:0', limits: {{header_timeout: 500ms}}}}]\n{}",
        proxy_to(&[upstream.address])
    ))
    .await;
    let mut slow = Vec::new();
    for number in 0..100 {
        let mut raw = Raw::connect(address(&gateway)).await;
        raw.send(&b"GET /slow HTTP/1.1\r\nhost: a\r\nx: y"[..number % 30])
            .await;
        slow.push(raw);
    }
    let mut good = Raw::connect(address(&gateway)).await;
    for _ in 0..20 {
        good.send("GET /good HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(good.response().await.starts_with("HTTP/1.1 200 "));
    }
    // One byte at a time, for as long as somebody reads them.
    let mut dripping = Raw::connect(address(&gateway)).await;
    dripping.send("GET /slow HTTP/1.1\r\nhost: a\r\n").await;
    within(async {
        while dripping.0.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    for raw in slow {
        let rest = raw.rest().await;
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 4"), "{rest}");
    }
    assert!(!upstream.text().contains("/slow"));
    panics::assert_none();
}
