//! Servers of HTTP/2 that break its rules, or off.

use super::{Answer, GET_BAD, failed, gateway, read, settled, whole};
use crate::gateway::support::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, Frames, GOAWAY, HEADERS, PUSH_PROMISE,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame, headers,
};
use crate::gateway::support::{Raw, Upstream, address, panics, within};

const REFUSED_STREAM: [u8; 4] = [0, 0, 0, 7];
const INTERNAL_ERROR: [u8; 4] = [0, 0, 0, 2];

/// What a client gets when the server answers the first request with these bytes, and then closes if it `closes`.
async fn answered(bytes: impl AsRef<[u8]>, closes: bool) -> Answer {
    let upstream = Upstream::bind().await;
    let gateway = gateway(upstream.address(), ", protocol: http2").await;
    let mut client = Raw::connect(address(&gateway)).await;
    client.send(GET_BAD).await;
    let mut server = Frames::accepted(upstream.accept().await).await;
    server.until(HEADERS).await.expect("a request");
    let _ = tokio::io::AsyncWriteExt::write_all(&mut server.0, bytes.as_ref()).await;
    let held = (!closes).then_some(server);
    let answer = read(&client.rest().await);
    // It is asked again, on this connection or another one, and its answer comes.
    let mut other = Raw::connect(address(&gateway)).await;
    let ask = "GET /good HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    other.send(ask).await;
    let (mut server, request) = within(next_request(&upstream, held)).await;
    let head = headers(request.stream, &[(":status", "200")], 0);
    let body = frame(DATA, END_STREAM, request.stream, b"good");
    server.send([head, body].concat()).await;
    assert_eq!(read(&other.rest().await), whole(200, "good"));
    settled(&gateway, 1).await;
    panics::assert_none();
    answer
}

/// The next request, where it comes.
async fn next_request(upstream: &Upstream, held: Option<Frames>) -> (Frames, Frame) {
    let accepted = async {
        let mut frames = Frames::accepted(upstream.accept().await).await;
        let request = frames.until(HEADERS).await.expect("a request");
        (frames, request)
    };
    let Some(mut held) = held else {
        return accepted.await;
    };
    let kept = async {
        match held.until(HEADERS).await {
            Some(request) => request,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        accepted = accepted => accepted,
        request = kept => (held, request),
    }
}

fn ok(flags: u8) -> Vec<u8> {
    headers(1, &[(":status", "200")], flags)
}

#[tokio::test]
async fn a_good_answer() {
    let body = frame(DATA, END_STREAM, 1, b"hello");
    let hints = headers(1, &[(":status", "103"), ("link", "</a>")], 0);
    let answer = [hints.repeat(10), ok(0), body].concat();
    assert_eq!(answered(answer, false).await, whole(200, "hello"));
}

#[tokio::test]
async fn the_stream_or_the_connection_ends_before_a_head() {
    for reason in [REFUSED_STREAM, INTERNAL_ERROR] {
        let reset = frame(RST_STREAM, 0, 1, &reason);
        assert_eq!(answered(reset, false).await, failed(502, "upstream_reset"));
    }
    let away = |reason: [u8; 4]| frame(GOAWAY, 0, 0, &[[0; 4], reason].concat());
    for (bytes, closes) in [
        (vec![], true),
        (frame(HEADERS, END_HEADERS, 1, b"")[..5].to_vec(), true),
        (away([0; 4]), true),
        (away([0; 4]), false),
        (away(INTERNAL_ERROR), false),
    ] {
        let answer = answered(&bytes, closes).await;
        assert_eq!(answer, failed(502, "upstream_closed"), "{bytes:?}");
    }
}

#[tokio::test]
async fn frames_that_are_none() {
    for (what, bytes) in [
        (
            "http1",
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(),
        ),
        ("noise", vec![0xff; 100]),
        ("data before a head", frame(DATA, END_STREAM, 1, b"x")),
        (
            "another stream",
            headers(3, &[(":status", "200")], END_STREAM),
        ),
        (
            "a stream of its own",
            headers(2, &[(":status", "200")], END_STREAM),
        ),
        (
            "a promise",
            frame(
                PUSH_PROMISE,
                END_HEADERS,
                1,
                &[&[0, 0, 0, 2][..], &block(&[(":method", "GET")])].concat(),
            ),
        ),
        (
            "no header block",
            frame(HEADERS, END_HEADERS, 1, &[0xff; 40]),
        ),
        (
            "a frame within a head",
            [
                frame(HEADERS, 0, 1, &block(&[(":status", "200")])),
                frame(SETTINGS, 0, 0, &[]),
            ]
            .concat(),
        ),
        ("a frame that is too large", frame(DATA, 0, 1, &[0; 20_000])),
        ("half a setting", frame(SETTINGS, 0, 0, &[0; 5])),
        (
            "more window than there is",
            frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
        ),
        ("no status", headers(1, &[("x", "1")], END_STREAM)),
        (
            "two",
            headers(1, &[(":status", "200"), (":status", "200")], END_STREAM),
        ),
        ("no number", headers(1, &[(":status", "abc")], END_STREAM)),
        (
            "a line break",
            headers(
                1,
                &[(":status", "200"), ("x", "a\r\nset-cookie: b")],
                END_STREAM,
            ),
        ),
        (
            "a line feed",
            headers(1, &[(":status", "200"), ("x", "a\nb")], END_STREAM),
        ),
        (
            "a name with a break",
            headers(
                1,
                &[(":status", "200"), ("x\r\nset-cookie: b", "a")],
                END_STREAM,
            ),
        ),
        (
            "capitals",
            headers(1, &[(":status", "200"), ("X", "a")], END_STREAM),
        ),
        (
            "of a connection",
            headers(
                1,
                &[(":status", "200"), ("connection", "close")],
                END_STREAM,
            ),
        ),
        (
            "a coding",
            headers(
                1,
                &[(":status", "200"), ("transfer-encoding", "chunked")],
                END_STREAM,
            ),
        ),
        (
            "two lengths",
            headers(
                1,
                &[
                    (":status", "200"),
                    ("content-length", "1"),
                    ("content-length", "2"),
                ],
                0,
            ),
        ),
        (
            "no length",
            headers(1, &[(":status", "200"), ("content-length", "x")], 0),
        ),
        (
            "a body that is missing",
            headers(
                1,
                &[(":status", "200"), ("content-length", "1")],
                END_STREAM,
            ),
        ),
    ] {
        let answer = answered(&bytes, false).await;
        assert_eq!(answer, failed(502, "upstream_invalid"), "{what}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off() {
    let length = headers(1, &[(":status", "200"), ("content-length", "10")], 0);
    let some = frame(DATA, 0, 1, b"hello");
    for (head, rest, closes) in [
        (&ok(0), frame(RST_STREAM, 0, 1, &INTERNAL_ERROR), false),
        (&ok(0), vec![], true),
        (&ok(0), vec![0, 0, 9, 0], true),
        (&ok(0), vec![0xff; 100], false),
        (&length, frame(DATA, END_STREAM, 1, b""), false),
        (&length, frame(DATA, END_STREAM, 1, b"123456"), false),
        (&ok(0), headers(1, &[("x", "1")], 0), false),
        // Nothing more, until the route's time is over.
        (&ok(0), vec![], false),
    ] {
        let bytes = [head.as_slice(), &some, &rest].concat();
        let answer = answered(&bytes, closes).await;
        assert_eq!(answer, Answer::Cut(200), "{rest:?}");
    }
}

#[tokio::test]
async fn a_head_has_a_size() {
    let line = ("x".to_owned(), "y".repeat(15_000));
    let mut bytes = frame(HEADERS, 0, 1, &block(&[(":status", "200")]));
    for _ in 0..30 {
        let more = block(&[(&line.0, &line.1)]);
        bytes.extend(frame(CONTINUATION, 0, 1, &more));
    }
    bytes.extend(frame(CONTINUATION, END_HEADERS, 1, &[]));
    let answer = answered(bytes, true).await;
    assert!(matches!(answer, Answer::Failed(502, _)), "{answer:?}");
    // One that never ends: the time of the route does not have to be over.
    let bytes = [
        frame(HEADERS, 0, 1, &block(&[(":status", "200")])),
        frame(CONTINUATION, 0, 1, b"").repeat(100_000),
    ];
    let answer = answered(bytes.concat(), true).await;
    assert!(matches!(answer, Answer::Failed(502, _)), "{answer:?}");
}

#[tokio::test]
async fn nothing_comes() {
    assert_eq!(answered([], false).await, failed(504, "route_timeout"));
}
