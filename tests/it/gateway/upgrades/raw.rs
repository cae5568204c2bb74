//! Any protocol, byte by byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::support::{Raw, Upstream, address, proxy_to, read_head, start, within};
use super::{AGREE, ASK, upgraded};

#[tokio::test]
async fn bytes_flow_both_ways_and_a_half_may_be_closed() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let mut client = Raw::connect(address(&gateway)).await;
    client.send(ASK).await;
    let mut server = upstream.accept().await;
    let asked = read_head(&mut server).await;
    assert!(asked.contains("connection: upgrade\r\n"), "{asked}");
    assert!(asked.contains("upgrade: Foo/2\r\n"), "{asked}");
    // The first bytes of the new protocol come with the last ones of the old one.
    server
        .write_all(&[AGREE, b"early"].concat())
        .await
        .expect("a reader");
    let head = read_head(&mut client.0).await.to_lowercase();
    assert!(head.contains("connection: upgrade\r\n"), "{head}");
    assert!(head.contains("upgrade: foo/2\r\n"), "{head}");
    assert!(head.contains("x-a: b\r\n"), "{head}");
    client.until("early").await;

    client.send("question").await;
    client.0.shutdown().await.expect("a connection");
    let mut question = String::new();
    within(server.read_to_string(&mut question))
        .await
        .expect("text");
    assert_eq!(question, "question");
    server.write_all(b"answer").await.expect("a reader");
    drop(server);
    assert_eq!(client.rest().await, "answer");
}

#[tokio::test]
async fn a_refusal_passes_and_the_connection_goes_on() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let mut client = Raw::connect(address(&gateway)).await;
    client.send(ASK).await;
    let mut server = upstream.accept().await;
    read_head(&mut server).await;
    let refusal = b"HTTP/1.1 426 Upgrade Required\r\ncontent-length: 2\r\n\r\nno";
    server.write_all(refusal).await.expect("a reader");
    let response = client.response().await;
    assert!(response.starts_with("HTTP/1.1 426 "), "{response}");
    assert!(response.ends_with("\r\n\r\nno"), "{response}");

    // Both connections are used again.
    client.send("GET /next HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(read_head(&mut server).await.starts_with("GET /next "));
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    server.write_all(answer).await.expect("a reader");
    assert!(client.response().await.ends_with("ok"));
}

#[tokio::test]
async fn the_connection_has_left_the_pool() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let (client, server) = upgraded(address(&gateway), &upstream).await;
    let in_flight = || gateway.upstreams()[0].endpoints[0].in_flight;
    assert_eq!(in_flight(), 1);
    let mut other = Raw::connect(address(&gateway)).await;
    other.send("GET /other HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut second = upstream.accept().await;
    assert!(read_head(&mut second).await.starts_with("GET /other "));
    drop((client, server, other, second));
    within(async {
        while in_flight() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Otherwise requests would reach the upstream that no route and no plugin has seen.
#[tokio::test]
async fn an_upgrade_to_http_is_not_passed_on() {
    let asks = [
        ASK.replace("Foo/2", "h2c"),
        ASK.replace("Foo/2", "foo, h2c"),
        ASK.replace("keep-alive, Upgrade", "keep-alive"),
        ASK.replace("HTTP/1.1", "HTTP/1.0"),
        ASK.replace("\r\n\r\n", "\r\ncontent-length: 1\r\n\r\nx"),
    ];
    for ask in asks {
        let upstream = Upstream::bind().await;
        let gateway = start(&proxy_to(&[upstream.address()])).await;
        let mut client = Raw::connect(address(&gateway)).await;
        client.send(&ask).await;
        let head = within(upstream.capture()).await;
        assert!(!head.to_lowercase().contains("upgrade"), "{ask}{head}");
        assert!(client.response().await.contains(" 200 "), "{ask}");
    }
}

#[tokio::test]
async fn what_nobody_asked_for_is_not_passed_on() {
    for ask in [ASK, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"] {
        let upstream = Upstream::bind().await.answer_and_close(
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: bar\r\n\r\nbytes",
        );
        let gateway = start(&proxy_to(&[upstream])).await;
        let mut client = Raw::connect(address(&gateway)).await;
        client.send(ask).await;
        let response = client.response().await;
        assert!(response.starts_with("HTTP/1.1 502 "), "{response}");
    }
}

/// What one side does not read, the other cannot go on sending.
#[tokio::test]
async fn both_directions_have_back_pressure() {
    const ALL: usize = 64 << 20;
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let (client, server) = upgraded(address(&gateway), &upstream).await;
    for (mut from, mut to) in [(client.0, server)].into_iter().flat_map(|(a, b)| {
        let (a, b) = (a.into_split(), b.into_split());
        [(a.1, b.0), (b.1, a.0)]
    }) {
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&sent);
        let sending = tokio::spawn(async move {
            let piece = vec![b'x'; 64 << 10];
            for _ in 0..ALL / piece.len() {
                from.write_all(&piece).await.expect("a reader");
                counted.fetch_add(piece.len(), Ordering::Relaxed);
            }
            from
        });
        let mut before = usize::MAX;
        while before != sent.load(Ordering::Relaxed) {
            before = sent.load(Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(before < ALL / 2, "{before} bytes are somewhere");
        let mut room = vec![0; ALL];
        within(to.read_exact(&mut room)).await.expect("all of it");
        within(sending).await.expect("no panic");
    }
}

/// A client that does not read can still speak.
#[tokio::test]
async fn the_directions_do_not_wait_for_each_other() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let (mut client, server) = upgraded(address(&gateway), &upstream).await;
    let (mut read, mut write) = server.into_split();
    let flood = tokio::spawn(async move { while write.write_all(&[0; 64 << 10]).await.is_ok() {} });
    for _ in 0..100 {
        client.send([1]).await;
        within(read.read_u8()).await.expect("what the client says");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(client);
    within(flood).await.expect("it ends with the client");
}
