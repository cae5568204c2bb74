//! The end of a gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use loom_gateway::Drained;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Barrier, Notify};

use super::support::{Loom, Raw, Upstream, address, full, http2, proxy_to, start, text, within};
use crate::gateway::keys::shows;

shows! {
    ["shutdown"]: "delay" => before_the_drain_there_is_a_delay_in_which_only_readiness_is_gone;
    ["shutdown"]: "drain_timeout" => what_does_not_end_is_ended;
}

#[tokio::test]
async fn a_running_request_is_answered_and_told_that_it_is_the_last() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut stream = upstream.accept().await;

    let shutdown = tokio::spawn(gateway.shutdown());
    // It runs on this thread: with the next turn it has begun.
    tokio::task::yield_now().await;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        .await
        .expect("a reader");
    let response = raw.rest().await;
    assert!(response.contains("connection: close\r\n"), "{response}");
    assert!(response.ends_with("\r\n\r\nok"), "{response}");
    assert_eq!(within(shutdown).await.expect("no panic"), Drained::Complete);
}

#[tokio::test]
async fn a_running_http2_request_is_answered() {
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (here, wait) = (Arc::clone(&arrived), Arc::clone(&go));
    let upstream = Upstream::bind().await.serve(move |_| {
        let (here, wait) = (Arc::clone(&here), Arc::clone(&wait));
        async move {
            here.notify_one();
            wait.notified().await;
            Response::new(full("ok"))
        }
    });
    let gateway = start(&proxy_to(&[upstream])).await;
    let mut client = http2(address(&gateway)).await;
    let request = Request::get("http://a/")
        .body(Empty::<Bytes>::new())
        .expect("a request");
    let response = tokio::spawn(client.send_request(request));
    within(arrived.notified()).await;
    let shutdown = tokio::spawn(gateway.shutdown());
    tokio::task::yield_now().await;
    go.notify_one();
    let response = within(response)
        .await
        .expect("no panic")
        .expect("a response");
    assert_eq!(text(response).await, "ok");
    assert_eq!(within(shutdown).await.expect("no panic"), Drained::Complete);
}

#[tokio::test]
async fn what_does_not_end_is_ended() {
    let upstream = Upstream::bind().await;
    let yaml = format!(
        "shutdown: {{drain_timeout: 50ms}}\n{}",
        proxy_to(&[upstream.address()])
    );
    let gateway = start(&yaml).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let _stream = upstream.accept().await;
    assert_eq!(within(gateway.shutdown()).await, Drained::TimedOut);
    assert_eq!(raw.rest().await, "");
}

/// Writes `yaml` with a listener on a free port, and gives the directory that it is in.
fn directory(yaml: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let yaml = format!("workers: 2\nlisteners: [{{name: web, address: '127.0.0.1:0'}}]\n{yaml}");
    std::fs::write(directory.path().join("loom.yaml"), yaml).expect("a file");
    directory
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_fails_no_request() {
    const CLIENTS: usize = 32;
    let directory = directory(&proxy_to(&[Upstream::bind().await.say("ok")]));
    let mut loom = Loom::start(directory.path(), &["-config", "loom.yaml"]);
    let address = loom.address().await;

    // Each client sends one request after the other until it is told that a response is the last one.
    let (warm, answered) = (
        Arc::new(Barrier::new(CLIENTS + 1)),
        Arc::new(AtomicUsize::new(0)),
    );
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (warm, answered) = (Arc::clone(&warm), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut raw = Raw::connect(address).await;
                for number in 0.. {
                    raw.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
                    let response = raw.response().await;
                    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
                    answered.fetch_add(1, Ordering::Relaxed);
                    if response.contains("connection: close\r\n") {
                        return;
                    }
                    if number == 10 {
                        warm.wait().await;
                    }
                }
            })
        })
        .collect();
    within(warm.wait()).await;
    loom.signal("TERM");
    for client in clients {
        within(client).await.expect("no failed request");
    }
    assert!(answered.load(Ordering::Relaxed) > CLIENTS * 11);
    assert_eq!(loom.code().await, Some(0));
}

#[tokio::test]
async fn sigint_ends_an_idle_gateway() {
    let directory = directory(
        "routes: [{id: a, path: '/*', upstream: e}]\nupstreams: [{name: e, builtin: echo}]\n",
    );
    let mut loom = Loom::start(directory.path(), &[]);
    loom.address().await;
    loom.signal("INT");
    assert_eq!(loom.code().await, Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let upstream = Upstream::bind().await;
    let directory = directory(&proxy_to(&[upstream.address()]));
    let mut loom = Loom::start(directory.path(), &["-config", "loom.yaml"]);
    let mut raw = Raw::connect(loom.address().await).await;
    raw.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut stream = upstream.accept().await;
    within(stream.read_u8())
        .await
        .expect("a request that is never answered");
    loom.signal("TERM");
    loom.line("shutting down").await;
    loom.signal("TERM");
    assert_eq!(loom.code().await, Some(1));
}

#[tokio::test]
async fn before_the_drain_there_is_a_delay_in_which_only_readiness_is_gone() {
    let yaml = format!(
        "shutdown: {{delay: 1h}}\n{}",
        proxy_to(&[Upstream::bind().await.say("ok")])
    );
    let gateway = start(&yaml).await;
    let (at, readiness) = (address(&gateway), gateway.readiness());
    assert!(readiness.is_ready());
    let shutdown = tokio::spawn(gateway.shutdown());
    within(async {
        while readiness.is_ready() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut raw = Raw::connect(at).await;
    raw.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let response = raw.response().await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    assert!(!response.contains("connection: close"), "{response}");
    shutdown.abort();
    assert_eq!(raw.rest().await, "");
}

#[tokio::test]
async fn after_the_delay_the_drain_comes() {
    let directory = directory("shutdown: {delay: 20ms, drain_timeout: 50ms}\nroutes: []\n");
    let mut loom = Loom::start(directory.path(), &[]);
    let mut raw = Raw::connect(loom.address().await).await;
    // A request that is never complete.
    raw.send("POST / HTTP/1.1\r\nhost: a\r\n").await;
    loom.signal("TERM");
    loom.line("still accepting").await;
    loom.line("ended before their requests were answered connections=1")
        .await;
    assert_eq!(loom.code().await, Some(0));
}
