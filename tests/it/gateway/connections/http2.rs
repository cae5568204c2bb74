//! What a client of HTTP/2 is told, and what it may not do.

use tokio::io::AsyncReadExt;

use super::super::support::{Raw, Upstream, address, start, within};
use super::listener;
use crate::gateway::keys::shows;

shows! {
    ["listeners[].limits.http2"]: "initial_connection_window", "initial_stream_window", "max_concurrent_streams",
        "max_header_list_size" => a_client_is_told_what_it_may_send;
    ["listeners[].limits.http2"]: "keep_alive_interval", "keep_alive_timeout" => a_connection_that_does_not_answer_is_closed;
    ["listeners[].limits.http2"]: "max_reset_streams" or "100" => a_client_that_takes_back_all_it_asks_for_is_cut_off;
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW: u8 = 8;

fn frame(kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head[..], &stream.to_be_bytes(), body].concat()
}

/// The kind and the body of the next frame; `None` at the end.
async fn next(raw: &mut Raw) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    within(raw.0.read_exact(&mut head)).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut body = vec![0; length as usize];
    within(raw.0.read_exact(&mut body)).await.ok()?;
    Some((head[3], body))
}

/// The body of the next frame of this kind.
async fn next_of(raw: &mut Raw, kind: u8) -> Vec<u8> {
    loop {
        let (other, body) = next(raw).await.expect("another frame");
        if other == kind {
            return body;
        }
    }
}

async fn connect(gateway: &loom_gateway::Running) -> Raw {
    let mut raw = Raw::connect(address(gateway)).await;
    raw.send([PREFACE, &frame(SETTINGS, 0, 0, &[])].concat())
        .await;
    raw
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().expect("four bytes"))
}

#[tokio::test]
async fn a_client_is_told_what_it_may_send() {
    let upstream = Upstream::bind().await.say("ok");
    let limits = "http2: {max_concurrent_streams: 7, initial_stream_window: 65KiB, initial_connection_window: 512KiB, \
                  max_header_list_size: 9KiB}";
    let gateway = start(&listener(limits, upstream)).await;
    let mut raw = connect(&gateway).await;
    let settings = next_of(&mut raw, SETTINGS).await;
    let setting = |id: u8| {
        let mut all = settings.chunks(6);
        let found = all.find(|setting| setting[..2] == [0, id]);
        found.map(|setting| number(&setting[2..]))
    };
    assert_eq!(setting(3), Some(7), "streams");
    assert_eq!(setting(4), Some(65 << 10), "window of a stream");
    assert_eq!(setting(6), Some(9 << 10), "size of headers");
    let window = number(&next_of(&mut raw, WINDOW).await);
    assert_eq!(window, (512 << 10) - 65_535, "window of the connection");
}

#[tokio::test]
async fn the_headers_of_http2_are_as_large_as_those_of_http1() {
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&listener("header_bytes: 12KiB", upstream)).await;
    let mut raw = connect(&gateway).await;
    let settings = next_of(&mut raw, SETTINGS).await;
    let mut all = settings.chunks(6);
    let size = all.find(|setting| setting[..2] == [0, 6]).expect("a size");
    assert_eq!(number(&size[2..]), 12 << 10);
}

#[tokio::test]
async fn a_connection_that_does_not_answer_is_closed() {
    let upstream = Upstream::bind().await.say("ok");
    let limits = "http2: {keep_alive_interval: 1s, keep_alive_timeout: 1ms}";
    let gateway = start(&listener(limits, upstream)).await;
    let mut raw = connect(&gateway).await;
    next_of(&mut raw, PING).await;
    while next(&mut raw).await.is_some() {}
}

#[tokio::test]
async fn a_client_that_takes_back_all_it_asks_for_is_cut_off() {
    // GET http://a/
    let get = [0x82, 0x86, 0x84, 0x41, 1, b'a'];
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&listener("http2: {max_reset_streams: 5}", upstream)).await;
    let attack = |count: u32| {
        let mut all = Vec::new();
        for stream in (0..count).map(|number| 2 * number + 1) {
            // The head and its end.
            all.extend(frame(HEADERS, 0b101, stream, &get));
            all.extend(frame(RESET, 0, stream, &8_u32.to_be_bytes()));
        }
        all
    };
    let mut raw = connect(&gateway).await;
    raw.send(attack(5)).await;
    raw.send(frame(PING, 0, 0, &[0; 8])).await;
    next_of(&mut raw, PING).await;
    let mut raw = connect(&gateway).await;
    raw.send(attack(50)).await;
    let goaway = next_of(&mut raw, GOAWAY).await;
    assert_eq!(number(&goaway[4..8]), 11, "ENHANCE_YOUR_CALM");
}
