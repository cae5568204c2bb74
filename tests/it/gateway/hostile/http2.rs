//! HTTP/2 that is malformed (RFC 9113, 8.1.1 and 8.3): nothing of it becomes a request of HTTP/1.1.

use super::{LAST, LAST_SEEN, Scene};
use crate::gateway::support::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, Outcome, PRIORITY, PUSH_PROMISE,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame, headers,
};
use crate::gateway::support::{address, panics};
use Outcome::{GoAway, Reset, Status};

const PROTOCOL_ERROR: u32 = 1;
const STREAM_CLOSED: u32 = 5;

const MALFORMED: Outcome = Reset(PROTOCOL_ERROR);

type Field = (&'static str, &'static str);

const GET: [Field; 4] = [
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "a"),
];

/// A request with these fields in the place of those of the same name, or behind them.
fn request(changes: &[Field]) -> Vec<Field> {
    let mut fields = GET.to_vec();
    for change in changes {
        match fields.iter_mut().find(|field| field.0 == change.0) {
            Some(field) => *field = *change,
            None => fields.push(*change),
        }
    }
    fields
}

/// What becomes of the first stream. The upstream must have seen this, and other clients must be served.
async fn expect(frames: impl AsRef<[u8]>, outcome: Outcome, upstream: &[&str], what: &str) {
    let scene = Scene::new().await;
    let mut client = Frames::connect(address(&scene.gateway)).await;
    client.send(frames).await;
    let got = client.outcome(1).await;
    // What is malformed may end the connection as well.
    let harsher = outcome == MALFORMED && got == GoAway(PROTOCOL_ERROR);
    assert!(got == outcome || harsher, "{what}: {got:?}");
    assert_eq!(scene.send(LAST).await, [200], "{what}");
    let mut seen = scene.upstream.summaries();
    assert_eq!(seen.pop().as_deref(), Some(LAST_SEEN), "{what}");
    assert_eq!(seen, upstream, "{what}");
    panics::assert_none();
}

/// A head that is no request.
async fn refused(fields: &[Field], outcome: Outcome) {
    let what = format!("{fields:?}");
    expect(headers(1, fields, END_STREAM), outcome, &[], &what).await;
    // Neither is it one with a body.
    let body = frame(DATA, END_STREAM, 1, b"abc");
    let scene = Scene::new().await;
    let mut client = Frames::connect(address(&scene.gateway)).await;
    client.send([headers(1, fields, 0), body].concat()).await;
    client.outcome(1).await;
    scene.send(LAST).await;
    assert_eq!(scene.upstream.summaries(), [LAST_SEEN], "{what}");
}

#[tokio::test]
async fn what_is_well_formed_passes() {
    let get = headers(1, &GET, END_STREAM);
    expect(get, Status(200), &["GET /"], "get").await;
    let post = request(&[(":method", "POST")]);
    let body = [frame(DATA, 0, 1, b"ab"), frame(DATA, END_STREAM, 1, b"c")].concat();
    let frames = [headers(1, &post, 0), body.clone()].concat();
    let seen = "POST / | transfer-encoding: chunked | abc";
    expect(frames, Status(200), &[seen], "without a length").await;
    let post = request(&[(":method", "POST"), ("content-length", "3")]);
    let frames = [headers(1, &post, 0), body.clone()].concat();
    let seen = "POST / | content-length: 3 | abc";
    expect(frames, Status(200), &[seen], "with a length").await;
    // hyper would leave the body out.
    let frames = [headers(1, &GET, 0), body].concat();
    let seen = "GET / | transfer-encoding: chunked | abc";
    expect(frames, Status(200), &[seen], "a get with a body").await;
}

#[tokio::test]
async fn no_line_of_http1_is_made_of_a_field() {
    for field in [
        ("x", "a\r\nevil: 1"),
        ("x", "a\nevil: 1"),
        ("x", "a\rb"),
        ("x", "a\0b"),
        ("x", "\u{1}"),
        ("x", "\u{7f}"),
        ("x\r\nevil", "1"),
        ("x: 1\r\nevil", "1"),
        ("x:y", "1"),
        ("x y", "1"),
        ("x\0", "1"),
        ("", "1"),
        ("X", "1"),
        ("xY", "1"),
        (":path", "/ HTTP/1.1\r\nevil: 1\r\n\r\n"),
        (":path", "/\r\n"),
        (":path", "/a b"),
        (":path", "/\0"),
        (":method", "GET / HTTP/1.1\r\nevil: 1\r\n\r\nGET"),
        (":method", "GET /evil"),
        (":method", ""),
        (":authority", "a\r\nevil: 1"),
        (":authority", "a b"),
        (":scheme", "http\r\nevil: 1"),
    ] {
        refused(&request(&[field]), MALFORMED).await;
    }
}

#[tokio::test]
async fn headers_of_a_connection_do_not_exist() {
    for field in [
        ("connection", "close"),
        ("connection", "x-forwarded-for"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("te", "trailers, chunked"),
    ] {
        refused(&request(&[field]), MALFORMED).await;
    }
}

#[tokio::test]
async fn pseudo_headers_are_there_once_and_first() {
    for fields in [
        &[(":scheme", "http"), (":path", "/"), (":authority", "a")][..],
        &[(":method", "GET"), (":path", "/"), (":authority", "a")],
        &[(":method", "GET"), (":scheme", "http"), (":authority", "a")],
        &[("x", "1"), GET[0], GET[1], GET[2], GET[3]],
        &[GET[0], GET[1], ("x", "1"), GET[2], GET[3]],
        &[GET[0], GET[0], GET[1], GET[2], GET[3]],
        &[GET[0], GET[1], GET[2], (":path", "/b"), GET[3]],
        &[GET[0], GET[1], GET[2], GET[3], (":authority", "b")],
        &[GET[0], GET[1], GET[1], GET[2], GET[3]],
        &[GET[0], GET[1], GET[2], GET[3], (":status", "200")],
        &[GET[0], GET[1], GET[2], GET[3], (":evil", "1")],
        &[GET[0], GET[1], GET[2], GET[3], (":", "1")],
        &[GET[0], GET[1], GET[2], GET[3], (":protocol", "websocket")],
    ] {
        refused(fields, MALFORMED).await;
    }
}

#[tokio::test]
async fn a_target_is_a_path_of_one_host() {
    for path in ["a", "http://b/", "*", "?a", "//"] {
        let fields = request(&[(":path", path)]);
        let scene = Scene::new().await;
        let mut client = Frames::connect(address(&scene.gateway)).await;
        client.send(headers(1, &fields, END_STREAM)).await;
        let outcome = client.outcome(1).await;
        let seen = scene.upstream.summaries();
        if path == "?a" || path == "//" {
            let path = path.replace("?", "/?").replace("//", "/");
            assert_eq!((outcome, seen), (Status(200), vec![format!("GET {path}")]));
        } else {
            assert!(
                [MALFORMED, Status(400)].contains(&outcome),
                "{path}: {outcome:?}"
            );
            assert!(seen.is_empty(), "{path}: {seen:?}");
        }
    }
    for authority in [
        "a@b", "a:80@b", "a/b", "a:x", "a:80:80", "[::1", "a\\b", "a,b@", "@a",
    ] {
        let fields = request(&[(":authority", authority)]);
        let scene = Scene::new().await;
        let mut client = Frames::connect(address(&scene.gateway)).await;
        client.send(headers(1, &fields, END_STREAM)).await;
        let outcome = client.outcome(1).await;
        assert!(
            [MALFORMED, Status(400)].contains(&outcome),
            "{authority}: {outcome:?}"
        );
        assert!(scene.upstream.requests().is_empty(), "{authority}");
    }
    for hosts in [
        &[("host", "b")][..],
        &[("host", "a"), ("host", "b")],
        &[("host", "a@b")],
    ] {
        refused(&request(hosts), Status(400)).await;
    }
    let twice = [GET[0], GET[1], GET[2], GET[3], ("host", "a"), ("host", "a")];
    refused(&twice, Status(400)).await;
    let without = [GET[0], GET[1], GET[2]];
    refused(&without, Status(400)).await;
    let connect = [(":method", "CONNECT"), (":authority", "a:443")];
    refused(&connect, Status(501)).await;
    refused(&[(":method", "CONNECT")], Status(501)).await;
}

#[tokio::test]
async fn a_length_is_that_of_the_body() {
    let post = |lengths: &[&'static str]| {
        let mut fields = request(&[(":method", "POST")]);
        fields.extend(lengths.iter().map(|length| ("content-length", *length)));
        fields
    };
    let body = |text: &str| frame(DATA, END_STREAM, 1, text.as_bytes());
    for lengths in [
        &["3", "4"][..],
        &["x"],
        &["+3"],
        &["3, 3"],
        &["18446744073709551616"],
    ] {
        let frames = [headers(1, &post(lengths), 0), body("abc")].concat();
        expect(frames, MALFORMED, &[], &format!("{lengths:?}")).await;
        let get = request(&[]);
        let fields: Vec<_> = get
            .into_iter()
            .chain(lengths.iter().map(|l| ("content-length", *l)))
            .collect();
        refused(&fields, MALFORMED).await;
    }
    // Taken for a zero, and said as HTTP/1.1 says it.
    let none = headers(1, &request(&[("content-length", "")]), END_STREAM);
    expect(none, Status(200), &["GET /"], "no number").await;
    let frames = [headers(1, &post(&[""]), 0), body("abc")].concat();
    expect(frames, MALFORMED, &[], "no number, and a body").await;
    let twice = [headers(1, &post(&["3", "3"]), 0), body("abc")].concat();
    let seen = "POST / | content-length: 3 | abc";
    expect(twice, Status(200), &[seen], "the same one twice").await;
    expect(
        headers(1, &post(&["3"]), END_STREAM),
        MALFORMED,
        &[],
        "no body",
    )
    .await;
    for text in ["ab", "abcd"] {
        let frames = [headers(1, &post(&["3"]), 0), body(text)].concat();
        let scene = Scene::new().await;
        let mut client = Frames::connect(address(&scene.gateway)).await;
        client.send(frames).await;
        let outcome = client.outcome(1).await;
        assert!(
            [MALFORMED, Status(400)].contains(&outcome),
            "{text}: {outcome:?}"
        );
        scene.send(LAST).await;
        // The upstream may have begun to read it. It has not come to its end.
        assert_eq!(scene.upstream.summaries(), [LAST_SEEN], "{text}");
    }
}

#[tokio::test]
async fn trailers_are_no_head() {
    let post = request(&[
        (":method", "POST"),
        ("trailer", "x-sum, x-forwarded-for, host"),
    ]);
    let start = || [headers(1, &post, 0), frame(DATA, 0, 1, b"abc")].concat();
    for trailers in [
        headers(1, &[("connection", "close")], END_STREAM),
        headers(1, &[("x", "a\r\nb")], END_STREAM),
        headers(1, &[("X", "1")], END_STREAM),
        // Another head would begin here.
        headers(1, &[("x", "1")], 0),
    ] {
        let scene = Scene::new().await;
        let mut client = Frames::connect(address(&scene.gateway)).await;
        client.send([start(), trailers].concat()).await;
        let outcome = client.outcome(1).await;
        assert!(
            matches!(outcome, Reset(_) | GoAway(_) | Status(400)),
            "{outcome:?}"
        );
        scene.send(LAST).await;
        assert_eq!(scene.upstream.summaries(), [LAST_SEEN]);
    }
    let scene = Scene::new().await;
    let mut client = Frames::connect(address(&scene.gateway)).await;
    // h2 leaves the first one out.
    let lies = [
        (":path", "/6.6.6.6"),
        ("x-forwarded-for", "6.6.6.6"),
        ("host", "6.6.6.6"),
        ("x-sum", "1"),
    ];
    client
        .send([start(), headers(1, &lies, END_STREAM)].concat())
        .await;
    assert_eq!(client.outcome(1).await, Status(200));
    let text = scene.upstream.text();
    assert!(
        text.contains("x-sum: 1") && !text.contains("6.6.6.6"),
        "{text}"
    );
}

/// Faults that end the connection (RFC 9113, 5.4.1), and those of a stream.
#[tokio::test]
async fn frames_out_of_order() {
    let get = || headers(1, &GET, END_STREAM);
    let half = frame(HEADERS, END_STREAM, 1, &block(&GET));
    for (what, frames) in [
        ("data on stream 0", frame(DATA, 0, 0, b"x")),
        ("a head on stream 0", headers(0, &GET, END_STREAM)),
        ("a stream of the server", headers(2, &GET, END_STREAM)),
        (
            "a frame within a head",
            [half.clone(), frame(PRIORITY, 0, 1, &[0; 5])].concat(),
        ),
        (
            "a head within a head",
            [half.clone(), headers(3, &GET, END_STREAM)].concat(),
        ),
        (
            "the rest of another head",
            [half, frame(CONTINUATION, END_HEADERS, 3, &[])].concat(),
        ),
        (
            "a rest without a head",
            frame(CONTINUATION, END_HEADERS, 1, &[]),
        ),
        ("data of no stream", frame(DATA, 0, 1, b"x")),
        ("a promise", frame(PUSH_PROMISE, END_HEADERS, 1, &[0; 8])),
        ("a reset of no stream", frame(RST_STREAM, 0, 1, &[0; 4])),
        ("settings of a stream", frame(SETTINGS, 0, 1, &[])),
        ("half a setting", frame(SETTINGS, 0, 0, &[0; 5])),
        (
            "an acknowledgement that says something",
            frame(SETTINGS, 1, 0, &[0; 6]),
        ),
        (
            "a window that is too large",
            frame(SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff]),
        ),
        (
            "frames that are too large",
            frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 1]),
        ),
        ("no more window", frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        (
            "more window than there is",
            frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
        ),
        ("half an update", frame(WINDOW_UPDATE, 0, 0, &[0; 3])),
        ("a frame that is too large", frame(DATA, 0, 1, &[0; 20_000])),
        (
            "a head that is too large for a frame",
            frame(HEADERS, 0, 1, &[0; 20_000]),
        ),
        (
            "no header block",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff; 40]),
        ),
        (
            "an index that is not there",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xfe]),
        ),
        (
            "half a header block",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0, 5, b'x']),
        ),
        (
            "padding that is longer than the frame",
            frame(HEADERS, 8 | END_HEADERS, 1, &[200, 0x82]),
        ),
    ] {
        let scene = Scene::new().await;
        let mut client = Frames::connect(address(&scene.gateway)).await;
        client.send(frames).await;
        let outcome = client.outcome(1).await;
        assert!(matches!(outcome, GoAway(_)), "{what}: {outcome:?}");
        while client.next().await.is_some() {}
        scene.send(LAST).await;
        assert_eq!(scene.upstream.summaries(), [LAST_SEEN], "{what}");
        panics::assert_none();
    }
    // A stream that has ended is not one any more.
    let scene = Scene::new().await;
    let mut client = Frames::connect(address(&scene.gateway)).await;
    client.send(get()).await;
    assert_eq!(client.outcome(1).await, Status(200));
    client
        .send(headers(1, &request(&[(":path", "/evil")]), END_STREAM))
        .await;
    let outcome = client.outcome(1).await;
    assert!(
        matches!(
            outcome,
            GoAway(PROTOCOL_ERROR | STREAM_CLOSED) | Reset(STREAM_CLOSED)
        ),
        "{outcome:?}"
    );
    assert_eq!(scene.upstream.summaries(), ["GET /"]);
}
