//! Floods of HTTP/2: frames that cost their sender little. Each one is ended, or bounded, and others are served meanwhile.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Scene;
use crate::gateway::support::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING, PREFACE,
    PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame, headers,
};
use crate::gateway::support::{Raw, Upstream, address, panics, proxy_to, start, within};

const GET: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/flood"),
    (":authority", "a"),
];
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// What is sent after the preface: the beginning, and then a piece again and again, which knows its number.
struct Flood {
    beginning: Vec<u8>,
    piece: Box<dyn Fn(u32) -> Vec<u8> + Send>,
    /// After so many bytes it is over.
    bytes: usize,
}

impl Flood {
    fn of(piece: Vec<u8>) -> Self {
        Self {
            beginning: Vec::new(),
            piece: Box::new(move |_| piece.clone()),
            bytes: 4 << 20,
        }
    }

    fn after(mut self, beginning: Vec<u8>) -> Self {
        self.beginning = beginning;
        self
    }
}

/// How a flood ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The gateway closed the connection, after a GOAWAY with this reason if there was one.
    Closed(Option<u32>),
    /// All of it was taken.
    Taken,
}

/// Sends a flood while another client is served, and everything that comes back is read if `reads`.
async fn flood(flood: Flood, reads: bool) -> (Scene, End) {
    let scene = Scene::new().await;
    let gateway = address(&scene.gateway);
    let over = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicUsize::new(0));
    let others = tokio::spawn(serve_others(
        gateway,
        Arc::clone(&over),
        Arc::clone(&served),
    ));
    let end = within(send(gateway, flood, reads)).await;
    // Whoever is unharmed gets an answer after the flood as well as meanwhile.
    let before = served.load(Ordering::Relaxed);
    within(async {
        while served.load(Ordering::Relaxed) < before + 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    over.store(true, Ordering::Relaxed);
    others.await.expect("every answer was a good one");
    panics::assert_none();
    (scene, end)
}

async fn serve_others(gateway: SocketAddr, over: Arc<AtomicBool>, served: Arc<AtomicUsize>) {
    let mut raw = Raw::connect(gateway).await;
    while !over.load(Ordering::Relaxed) {
        raw.send("GET /other HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(raw.response().await.starts_with("HTTP/1.1 200 "));
        served.fetch_add(1, Ordering::Relaxed);
    }
}

async fn send(gateway: SocketAddr, flood: Flood, reads: bool) -> End {
    let stream = TcpStream::connect(gateway).await.expect("a listener");
    let (mut read, mut write) = stream.into_split();
    let came = tokio::spawn(async move {
        let mut all = Vec::new();
        let mut piece = vec![0; 64 << 10];
        if !reads {
            std::future::pending::<()>().await;
        }
        while let Ok(count @ 1..) = read.read(&mut piece).await {
            all.extend_from_slice(&piece[..count]);
        }
        all
    });
    let beginning = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &flood.beginning].concat();
    let mut taken = write.write_all(&beginning).await.is_ok();
    let (mut sent, mut number) = (0, 0);
    while taken && sent < flood.bytes {
        // Many at a time: the flood should be faster than who answers it.
        let pieces: Vec<u8> = (number..number + 64)
            .flat_map(|n| (flood.piece)(n))
            .collect();
        let written =
            tokio::time::timeout(std::time::Duration::from_secs(2), write.write_all(&pieces));
        match written.await {
            Ok(result) => taken = result.is_ok(),
            // The gateway does not read it as long as nobody reads its answers.
            Err(_) => return End::Taken,
        }
        (sent, number) = (sent + pieces.len(), number + 64);
    }
    if taken {
        // Asks for an answer to everything that came before.
        taken = write
            .write_all(&frame(PING, 0, 0, b"the last"))
            .await
            .is_ok();
    }
    if !reads {
        return End::Taken;
    }
    if taken {
        let _ = write.shutdown().await;
    }
    let came = came.await.expect("no panic");
    match goaway(&came) {
        Some(0) | None if came.windows(8).any(|eight| eight == b"the last") => End::Taken,
        reason => End::Closed(reason),
    }
}

/// The reason in the last GOAWAY of these frames.
fn goaway(mut frames: &[u8]) -> Option<u32> {
    let mut reason = None;
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = frames {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let payload = rest.get(..length)?;
        if *kind == GOAWAY {
            reason = Some(u32::from_be_bytes(
                payload[4..8].try_into().expect("four bytes"),
            ));
        }
        frames = &rest[length..];
    }
    reason
}

const ENHANCE_YOUR_CALM: u32 = 11;

fn stream(number: u32) -> u32 {
    number * 2 + 1
}

/// CVE-2023-44487: requests that are taken back at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_reset() {
    let piece = |number| {
        let request = headers(stream(number), &GET, END_STREAM);
        [request, frame(RST_STREAM, 0, stream(number), &CANCEL)].concat()
    };
    let resets = Flood {
        beginning: Vec::new(),
        piece: Box::new(piece),
        bytes: 4 << 20,
    };
    let (scene, end) = flood(resets, true).await;
    assert_eq!(end, End::Closed(Some(ENHANCE_YOUR_CALM)));
    // A few of some fifty thousand may have gone on.
    let gone_on = scene.upstream.text().matches("/flood").count();
    assert!(gone_on < 1_000, "{gone_on}");
}

/// The same with a pause, in which each request reaches the upstream.
#[tokio::test]
async fn slow_reset() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let _upstream = tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            held.push(upstream.accept().await);
        }
    });
    let mut client = Frames::connect(address(&gateway)).await;
    let mut taken_back = 0;
    let goaway = loop {
        assert!(taken_back < 1_000, "it goes on for ever");
        let request = headers(stream(taken_back), &GET, END_STREAM);
        let sent = [request, frame(PING, 0, 0, &[0; 8])].concat();
        if client.0.write_all(&sent).await.is_err() {
            break false;
        }
        let answer = loop {
            match client.next().await {
                Some(frame) if [GOAWAY, PING].contains(&frame.kind) => break frame.kind,
                Some(_) => {}
                None => break GOAWAY,
            }
        };
        if answer == GOAWAY {
            break true;
        }
        let reset = frame(RST_STREAM, 0, stream(taken_back), &CANCEL);
        let _ = client.0.write_all(&reset).await;
        taken_back += 1;
    };
    assert!(goaway && taken_back > 200, "{taken_back}");
    within(async {
        while gateway.upstreams()[0].endpoints[0].in_flight > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    panics::assert_none();
}

/// The same, but for that the gateway itself takes the requests back, since they break rules (CVE-2025-8671).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resets_that_the_gateway_is_made_to_send() {
    let post = [(":method", "POST"), GET[1], GET[2], GET[3]];
    let piece = move |number| {
        let request = headers(stream(number), &post, 0);
        // No more window than there can be.
        [
            request,
            frame(WINDOW_UPDATE, 0, stream(number), &[0x7f, 0xff, 0xff, 0xff]),
        ]
        .concat()
    };
    let faults = Flood {
        beginning: Vec::new(),
        piece: Box::new(piece),
        bytes: 4 << 20,
    };
    let (_, end) = flood(faults, true).await;
    assert_eq!(end, End::Closed(Some(ENHANCE_YOUR_CALM)));
}

/// CVE-2024-27316: a head that never ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn continuations() {
    let begun = || frame(HEADERS, 0, 1, &block(&GET));
    for piece in [
        frame(CONTINUATION, 0, 1, &[]),
        frame(CONTINUATION, 0, 1, &block(&[("x", "y")])),
        frame(CONTINUATION, 0, 1, &block(&[("x", &"y".repeat(10_000))])),
    ] {
        let (scene, end) = flood(Flood::of(piece).after(begun()), true).await;
        assert!(matches!(end, End::Closed(Some(_))), "{end:?}");
        assert!(!scene.upstream.text().contains("/flood"));
    }
}

/// CVE-2019-9512, 9515, 9518 and others: frames that want an answer, or none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_without_a_meaning() {
    let post = [(":method", "POST"), GET[1], GET[2], GET[3]];
    let begun = || headers(1, &post, 0);
    for (what, piece) in [
        ("pings", frame(PING, 0, 0, &[0; 8])),
        ("pongs", frame(PING, ACK, 0, &[0; 8])),
        ("settings", frame(SETTINGS, 0, 0, &[])),
        (
            "settings that change",
            frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 16, 0]),
        ),
        ("windows", frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])),
        ("priorities", frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 7])),
        ("of a kind that nobody knows", frame(99, 0, 0, &[0; 8])),
    ] {
        for reads in [true, false] {
            let (_, end) = flood(Flood::of(piece.clone()).after(begun()), reads).await;
            // Each is answered or forgotten before the next one is read, so that nothing is kept.
            assert!(
                matches!(end, End::Taken | End::Closed(_)),
                "{what}: {end:?}"
            );
        }
    }
    // Data that says nothing wants nothing of anybody's window: without a bound it would be kept without end.
    for (what, piece) in [
        ("empty data", frame(DATA, 0, 1, &[])),
        ("padding alone", frame(DATA, 8, 1, &[0])),
        ("a byte each", frame(DATA, 0, 1, b"x")),
    ] {
        let (_, end) = flood(Flood::of(piece).after(begun()), true).await;
        assert!(
            matches!(end, End::Taken | End::Closed(Some(_))),
            "{what}: {end:?}"
        );
    }
}

/// More streams than were granted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_without_end() {
    let post = [(":method", "POST"), GET[1], GET[2], GET[3]];
    let streams = Flood {
        beginning: Vec::new(),
        piece: Box::new(move |number| headers(stream(number), &post, 0)),
        bytes: 2 << 20,
    };
    let (scene, end) = flood(streams, true).await;
    assert!(matches!(end, End::Taken | End::Closed(_)), "{end:?}");
    let in_flight = scene.gateway.upstreams()[0].endpoints[0].in_flight;
    assert!(in_flight <= 128, "{in_flight}");
}

/// A client that grants no window gets what fits into a bounded buffer, and the upstream waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_that_stays_shut() {
    let scene = Scene::new().await;
    let mut client = Frames::connect(address(&scene.gateway)).await;
    // SETTINGS_INITIAL_WINDOW_SIZE of nothing.
    client
        .send(frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]))
        .await;
    for number in 0..100 {
        client.send(headers(stream(number), &GET, END_STREAM)).await;
    }
    let mut heads = 0;
    while heads < 100 {
        let frame = client.next().await.expect("the connection goes on");
        assert_ne!(frame.kind, DATA);
        heads += usize::from(frame.kind == HEADERS && frame.flags & END_HEADERS != 0);
    }
    drop(client);
    within(async {
        while scene.gateway.upstreams()[0].endpoints[0].in_flight > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    panics::assert_none();
}
