//! Headers on their way, both ways.

use super::support::{Raw, Upstream, address, proxy_to, start};

/// The head that an upstream gets for these header lines of a client.
async fn upstream_sees(headers: &str) -> Vec<String> {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let seen = tokio::spawn(upstream.capture());
    let request = format!("GET /a?b HTTP/1.1\r\nHost: example.com:8080\r\n{headers}\r\n");
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send(request).await;
    raw.response().await;
    let head = seen.await.expect("a request");
    let mut lines: Vec<_> = head
        .trim_end()
        .lines()
        .filter(|line| !line.starts_with("x-request-id: "))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn a_request_arrives_clean() {
    let lines = upstream_sees(
        "Connection: close, X-Hop, x-forwarded-for\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n\
         Upgrade: websocket\r\nTE: trailers, gzip\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-Host: evil\r\nForwarded: for=1.2.3.4\r\nX-Kept: a\r\nX-Kept: b\r\n",
    )
    .await;
    assert_eq!(
        lines,
        [
            "GET /a?b HTTP/1.1",
            "host: example.com:8080",
            "te: trailers",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: example.com:8080",
            "x-forwarded-proto: http",
            "x-kept: a",
            "x-kept: b",
        ]
    );
}

#[tokio::test]
async fn a_client_that_says_nothing_special_adds_nothing_special() {
    let lines = upstream_sees("").await;
    assert_eq!(
        lines,
        [
            "GET /a?b HTTP/1.1",
            "host: example.com:8080",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: example.com:8080",
            "x-forwarded-proto: http",
        ]
    );
}

#[tokio::test]
async fn a_response_arrives_clean() {
    let upstream = Upstream::bind().await.answer_and_close(
        b"HTTP/1.1 200 OK\r\nconnection: close, x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nupgrade: h2c\r\n\
          x-end: 1\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 2\r\n\r\nok",
    );
    let gateway = start(&proxy_to(&[upstream])).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let response = raw.response().await;
    for gone in ["connection:", "x-hop", "keep-alive", "upgrade"] {
        assert!(!response.contains(gone), "{gone}: {response}");
    }
    for kept in [
        "x-end: 1\r\n",
        "set-cookie: a=1\r\nset-cookie: b=2\r\n",
        "content-length: 2\r\n",
    ] {
        assert!(response.contains(kept), "{kept}: {response}");
    }
}
