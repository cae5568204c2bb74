//! Where a message ends: lengths that contradict each other or are none, codings, chunks (RFC 9112, 6 and 7).

use super::{LAST, Scene, expect, refused, statuses};
use crate::gateway::support::{Raw, address, panics};

fn post(headers: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nhost: a\r\n{headers}\r\n{body}")
}

#[tokio::test]
async fn a_length_is_one_number() {
    for headers in [
        "content-length: 3\r\ncontent-length: 4\r\n",
        "content-length: 4\r\ncontent-length: 3\r\n",
        "content-length: 3, 4\r\n",
        "content-length: 3, 3\r\n",
        "content-length: +3\r\n",
        "content-length: -3\r\n",
        "content-length: 0x3\r\n",
        "content-length: 3 3\r\n",
        "content-length: 3;\r\n",
        "content-length:\r\n",
        "content-length: 18446744073709551616\r\n",
        "content-length: 99999999999999999999999999\r\n",
        "content-length: \u{ff13}\r\n",
    ] {
        refused(post(headers, "abc"), 400).await;
    }
}

#[tokio::test]
async fn the_same_length_twice_goes_on_once() {
    let twice = post("content-length: 3\r\nContent-Length: 3\r\n", "abc");
    let seen = ["POST / | content-length: 3 | abc", super::LAST_SEEN];
    expect(twice, &[200, 200], &seen).await;
}

/// RFC 9112, 6.3: the coding overrides, the length does not go on, and the connection ends.
#[tokio::test]
async fn a_length_beside_a_coding_ends_the_connection() {
    const CODING: &str = "transfer-encoding: chunked\r\n";
    for length in ["content-length: 3\r\n", "content-length: 30\r\n"] {
        for headers in [
            [CODING, length].concat(),
            [length, CODING].concat(),
            [length, CODING, length].concat(),
        ] {
            let body = "4\r\nbody\r\n0\r\n\r\n";
            let seen = ["POST / | transfer-encoding: chunked | body"];
            expect(post(&headers, body), &[200], &seen).await;
        }
    }
    // The length does not make good what the coding says.
    refused(
        post("content-length: 3\r\ntransfer-encoding: chunked\r\n", "abc"),
        400,
    )
    .await;
}

#[tokio::test]
async fn the_only_coding_is_chunked() {
    let coded = |coding: &str| post(&format!("transfer-encoding: {coding}\r\n"), "0\r\n\r\n");
    for coding in ["chunked", "Chunked", " chunked\t"] {
        let seen = ["POST / | transfer-encoding: chunked", super::LAST_SEEN];
        expect(coded(coding), &[200, 200], &seen).await;
    }
    // Where the last coding is another one nobody knows where the body ends.
    for coding in [
        "",
        "identity",
        "gzip",
        "chunked, identity",
        "chunked, gzip",
        "chunked,",
        "xchunked",
        "chunked;q=1",
        "\"chunked\"",
        "chun\tked",
        "chunked\r\ntransfer-encoding: identity",
    ] {
        refused(coded(coding), 400).await;
    }
    for coding in [
        "identity, chunked",
        "gzip, chunked",
        "chunked, chunked",
        ",chunked",
        "chunked\r\ntransfer-encoding: chunked",
        "gzip\r\ntransfer-encoding: chunked",
        "identity\r\ntransfer-encoding: chunked",
    ] {
        refused(coded(coding), 501).await;
    }
}

#[tokio::test]
async fn http10_knows_no_coding() {
    for connection in ["", "connection: keep-alive\r\n"] {
        let request = format!(
            "POST / HTTP/1.0\r\nhost: a\r\n{connection}transfer-encoding: chunked\r\n\r\n0\r\n\r\n"
        );
        refused(request, 400).await;
    }
}

#[tokio::test]
async fn what_only_looks_like_a_length_or_a_coding() {
    for headers in [
        "content-length : 3\r\n",
        "transfer-encoding : chunked\r\n",
        "transfer-encoding\t: chunked\r\n",
        "transfer-encoding:\r\n chunked\r\n",
        "transfer-encoding: chunked\r\n\t, identity\r\n",
        "transfer-encoding: \u{b}chunked\r\n",
        "transfer-encoding: chunked\0\r\n",
        " transfer-encoding: chunked\r\n",
        "x: y\rtransfer-encoding: chunked\r\n",
        "transfer encoding: chunked\r\n",
        "\u{feff}transfer-encoding: chunked\r\n",
        "content-length: 3\r\r\n",
    ] {
        refused(post(headers, "0\r\n\r\n"), 400).await;
    }
    // These are headers like any other to the gateway, and must not become more than that behind it.
    for headers in [
        "content_length: 3\r\n",
        "transfer_encoding: chunked\r\n",
        "Transfer_Encoding: chunked\r\ncontent-length: 0\r\n",
    ] {
        let scene = Scene::new().await;
        let got = scene.send(post(headers, LAST)).await;
        assert_eq!(got, [200, 200], "{headers}");
        let text = scene.upstream.text();
        assert!(!text.to_lowercase().contains('_'), "{text}");
    }
}

#[tokio::test]
async fn chunks_are_read_to_the_letter() {
    let chunked = |body: &str| post("transfer-encoding: chunked\r\n", body);
    for body in [
        "5\r\nhello\r\n0\r\n\r\n",
        "5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n",
        "00000005\r\nhello\r\n000\r\n\r\n",
        "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        // Nobody has announced this one.
        "5\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n",
        "5\r\nhello\r\n0\r\ncontent-length: 9\r\nhost: b\r\n\r\n",
    ] {
        let seen = [
            "POST / | transfer-encoding: chunked | hello",
            super::LAST_SEEN,
        ];
        expect(chunked(body), &[200, 200], &seen).await;
    }
    for body in [
        "5\nhello\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5;a\n\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhellothere\r\n0\r\n\r\n",
        "6\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5g\r\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        ";a\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nx\r\n\r\n",
        "5\r\nhello\r\n0\r\nx y: 1\r\n\r\n",
        "5\r\nhello\r\n0\r\nx: 1\nhost: b\r\n\r\n",
        "5\r\nhello\r\n0\r\nx: 1\r\n host: b\r\n\r\n",
    ] {
        refused(chunked(body), 400).await;
    }
}

#[tokio::test]
async fn extensions_and_trailers_of_chunks_have_an_end() {
    let long = "x".repeat(20_000);
    for body in [
        format!("1;{long}\r\na\r\n0\r\n\r\n"),
        format!("1\r\na\r\n0\r\nx: {long}\r\n\r\n"),
        "1;123456789\r\na\r\n".repeat(2_000) + "0\r\n\r\n",
        "1\r\na\r\n0\r\n".to_owned() + &"x: y\r\n".repeat(200) + "\r\n",
    ] {
        let scene = Scene::new().await;
        let mut raw = Raw::connect(address(&scene.gateway)).await;
        // What is left unread may become a reset, which can overtake the answer.
        let request = post("transfer-encoding: chunked\r\n", &body) + LAST;
        let _ = tokio::io::AsyncWriteExt::write_all(&mut raw.0, request.as_bytes()).await;
        let got = statuses(&raw.rest().await);
        assert!(got.is_empty() || got == [400], "{got:?}");
        assert!(scene.upstream.requests().is_empty());
        panics::assert_none();
    }
}

/// Nothing that was counted as a body is a request, whatever becomes of the request that it belongs to.
#[tokio::test]
async fn a_body_is_never_a_request() {
    const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n";
    let length = HIDDEN.len();
    let body = |line: &str, more: &str| {
        format!("{line} HTTP/1.1\r\nhost: a\r\n{more}content-length: {length}\r\n\r\n{HIDDEN}")
    };
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "POST", "X"] {
        let scene = Scene::new().await;
        scene.send(body(&format!("{method} /"), "") + LAST).await;
        let seen = scene.upstream.summaries();
        let first = format!("{method} / | content-length: {length} | {HIDDEN}");
        assert_eq!(seen, [first.as_str(), super::LAST_SEEN]);
    }
    // Answered by the gateway itself, before the body was read.
    for (line, more, status) in [
        ("POST http://a@b/", "", 400),
        ("POST *", "", 400),
        ("CONNECT a:1", "", 501),
        ("OPTIONS *", "", 204),
        ("POST /", "expect: 100-continue\r\n", 200),
        ("POST /", "connection: upgrade\r\nupgrade: foo\r\n", 200),
    ] {
        let scene = Scene::new().await;
        let got = scene.send(body(line, more) + LAST).await;
        assert!(got.contains(&status), "{line}: {got:?}");
        for seen in scene.upstream.summaries() {
            assert!(!seen.starts_with("GET /hidden"), "{line}: {seen}");
        }
    }
}

/// A body that says its length by chunks goes on with any method; hyper leaves it out with these.
#[tokio::test]
async fn chunks_go_on_with_every_method() {
    for method in ["GET", "HEAD", "DELETE", "POST"] {
        let request = format!(
            "{method} / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        );
        let seen = format!("{method} / | transfer-encoding: chunked | hello");
        expect(request, &[200, 200], &[&seen, super::LAST_SEEN]).await;
    }
}

#[tokio::test]
async fn what_follows_a_request_is_the_next_one_or_nothing() {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
    // Pipelined ones come in their order.
    let many: String = (0..20).map(|n| get(&format!("/{n}"))).collect();
    let seen: Vec<_> = (0..20).map(|n| format!("GET /{n}")).collect();
    let mut seen: Vec<_> = seen.iter().map(String::as_str).collect();
    seen.push(super::LAST_SEEN);
    expect(many, &[200; 21], &seen).await;
    // A body that was not announced.
    expect(get("/") + "a=b", &[200, 400], &["GET /"]).await;
    // After the last request nothing is read any more.
    let last = "GET /a HTTP/1.1\r\nhost: a\r\nConnection: foo, CLOSE\r\n\r\n";
    expect(last, &[200], &["GET /a"]).await;
    let last = "GET /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\nconnection: keep-alive\r\n\r\n";
    expect(last, &[200], &["GET /a"]).await;
    expect("GET /a HTTP/1.0\r\nhost: a\r\n\r\n", &[200], &["GET /a"]).await;
    // No tunnel is opened, and what was meant for it is no request.
    refused("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n", 501).await;
    // An upgrade that nobody answers leaves HTTP as it was.
    let upgrade = "GET /a HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n";
    expect(upgrade, &[200, 200], &["GET /a", super::LAST_SEEN]).await;
}
