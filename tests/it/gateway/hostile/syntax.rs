//! Bytes that do not belong into a head (RFC 9112, 2 to 5), and heads that are too large.

use tokio::io::AsyncWriteExt;

use super::{LAST, LAST_SEEN, Scene, expect, refused, statuses};
use crate::gateway::support::{Raw, address, panics};

#[tokio::test]
async fn a_request_line_has_three_parts() {
    for line in [
        "GET  / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET /  HTTP/1.1",
        "GET / x HTTP/1.1",
        "GET /\0 HTTP/1.1",
        "GET /\u{1} HTTP/1.1",
        "GET /\u{7f} HTTP/1.1",
        "GET /\rx HTTP/1.1",
        "GET /",
        "GET",
        " GET / HTTP/1.1",
        "\0GET / HTTP/1.1",
        "GE\0T / HTTP/1.1",
        "GE(T / HTTP/1.1",
        "G\u{e9}T / HTTP/1.1",
        "GET / HTTP/0.9",
        "GET / HTTP/1.2",
        "GET / HTTP/2.0",
        "GET / HTTP/1.10",
        "GET / HTTP/11",
        "GET / HTTP/1,1",
        "GET / http/1.1",
        "GET / HTTPS/1.1",
        "GET / ICAP/1.0",
        "GET HTTP/1.1",
        "GET a HTTP/1.1",
        "GET ?a HTTP/1.1",
        "GET a:80 HTTP/1.1",
        "GET http:///x HTTP/1.1",
        "GET file:///etc/passwd HTTP/1.1",
        "GET ftp://a/ HTTP/1.1",
        "GET * HTTP/1.1",
        "OPTIONS ** HTTP/1.1",
    ] {
        refused(format!("{line}\r\nhost: a\r\n\r\n"), 400).await;
    }
}

#[tokio::test]
async fn a_header_line_has_a_name_and_a_value() {
    for line in [
        "x : 1",
        "x\t: 1",
        " x: 1",
        "x",
        ": 1",
        "x y: 1",
        "x\0: 1",
        "x\u{1}y: 1",
        "x(: 1",
        "x/y: 1",
        "\u{e9}: 1",
        "x\r: 1",
        // A line that goes on (obs-fold), which a server may refuse.
        "x: 1\r\n 2",
        "x: 1\r\n\t2",
        "x: 1\r\n \r\n",
        "x: \0",
        "x: a\0b",
        "x: \u{1}",
        "x: \u{7f}",
        "x: a\rb",
        "x: a\r\r",
        "x: \u{b}",
    ] {
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{line}\r\n\r\n");
        refused(request, 400).await;
        // Also when it is the first one.
        let request = format!("GET / HTTP/1.1\r\n{line}\r\nhost: a\r\n\r\n");
        refused(request, 400).await;
    }
}

/// RFC 9112, 2.2 lets a server take a lone LF for the end of a line. What goes on has none.
#[tokio::test]
async fn lines_that_end_in_a_bare_lf_are_written_anew() {
    for head in [
        "GET /a HTTP/1.1\nhost: a\nx: 1\n\n",
        "GET /a HTTP/1.1\r\nhost: a\nx: 1\r\n\n",
        "GET /a HTTP/1.1\nhost: a\r\nx: 1\n\r\n",
        "\r\n\r\nGET /a HTTP/1.1\r\nhost: a\r\nx: 1\r\n\r\n",
        "\n\nGET /a HTTP/1.1\r\nhost: a\r\nx: 1\r\n\r\n",
    ] {
        let scene = Scene::new().await;
        assert_eq!(
            scene.send([head, LAST].concat()).await,
            [200, 200],
            "{head:?}"
        );
        assert_eq!(scene.upstream.summaries(), ["GET /a", LAST_SEEN]);
        assert_eq!(scene.upstream.requests()[0].values("x"), ["1"]);
        let text = scene.upstream.text();
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    }
}

#[tokio::test]
async fn odd_and_allowed() {
    for (request, seen) in [
        (
            "GET /a?b=%00%0d%0a HTTP/1.1\r\nhost: a\r\n\r\n",
            "GET /a?b=%00%0d%0a",
        ),
        ("GET /%0d%0a HTTP/1.1\r\nhost: a\r\n\r\n", "GET /%0d%0a"),
        (
            "GET //b.example/a HTTP/1.1\r\nhost: a\r\n\r\n",
            "GET /b.example/a",
        ),
        ("GET /a/../b/./c HTTP/1.1\r\nhost: a\r\n\r\n", "GET /b/c"),
        ("GET /../../a HTTP/1.1\r\nhost: a\r\n\r\n", "GET /a"),
        ("PURGE /a HTTP/1.1\r\nhost: a\r\n\r\n", "PURGE /a"),
        ("get /a HTTP/1.1\r\nhost: a\r\n\r\n", "get /a"),
        (
            "GET /a HTTP/1.1\r\nhost:a\r\nx:\t y \t\r\nz:\r\n\r\n",
            "GET /a",
        ),
        ("GET /a HTTP/1.1\r\nhost: a\r\nx: \u{e9}\r\n\r\n", "GET /a"),
    ] {
        expect(request, &[200, 200], &[seen, LAST_SEEN]).await;
    }
}

#[tokio::test]
async fn a_head_has_a_size() {
    let many = |count| "x: y\r\n".repeat(count);
    let head = |headers: &str| format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
    expect(head(&many(90)), &[200, 200], &["GET /", LAST_SEEN]).await;
    refused(head(&many(101)), 431).await;
    for head in [
        head(&format!("x: {}\r\n", "y".repeat(100_000))),
        head(&format!("{}: y\r\n", "x".repeat(100_000))),
        format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(100_000)),
        format!("{} / HTTP/1.1\r\nhost: a\r\n\r\n", "X".repeat(100_000)),
        "\r\n".repeat(100_000),
    ] {
        too_large(head).await;
    }
}

/// The answer may be overtaken by the reset that unread bytes become.
async fn too_large(head: String) {
    let scene = Scene::new().await;
    let mut raw = Raw::connect(address(&scene.gateway)).await;
    let _ = raw.0.write_all((head + LAST).as_bytes()).await;
    let got = statuses(&raw.rest().await);
    let told = [vec![], vec![400], vec![414], vec![431]];
    assert!(told.contains(&got), "{got:?}");
    assert!(scene.upstream.requests().is_empty());
    panics::assert_none();
}

/// The gateway does not read what it will not take.
#[tokio::test]
async fn a_head_without_end_is_not_read_to_its_end() {
    for line in ["x: y\r\n", "x", "\r\n"] {
        let scene = Scene::new().await;
        let mut raw = Raw::connect(address(&scene.gateway)).await;
        let piece = line.repeat(10_000);
        let mut sent = 0_usize;
        if line != "\r\n" {
            raw.send("GET / HTTP/1.1\r\nhost: a\r\nx: ").await;
        }
        while raw.0.write_all(piece.as_bytes()).await.is_ok() {
            sent += piece.len();
            assert!(sent < 100 << 20, "it reads for ever");
        }
        assert!(scene.upstream.requests().is_empty());
    }
}
