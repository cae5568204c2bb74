//! `compression`.

use std::io::Read;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, channel::Channel};
use hyper::body::Incoming;
use loom_gateway::Running;

use super::super::support::{Upstream, address, full, http1, start, within};
use super::everywhere;
use crate::gateway::keys::shows;

shows! {
    ["routes[].compression", "defaults.compression"]: "encodings", "exclude_types" => what_gains_nothing_stays_as_it_is;
    ["routes[].compression", "defaults.compression"]: "min_size" => what_the_gateway_answers_itself_is_compressed_too;
}

/// A gateway that answers paths with text of 2000 bytes, of different kinds.
async fn gateway(keys: &str) -> Running {
    gateway_of("", keys).await
}

/// The same with these keys on each of its routes, and these for all of them.
async fn gateway_of(keys: &str, of_all: &str) -> Running {
    let text = "some ".repeat(400);
    let off = "compression: false";
    let answer = |kind: &str, keys: &str| {
        format!("respond: {{body: '{text}', headers: {{{kind}}}}}, {keys}")
    };
    let respond = |kind: &str| answer(kind, keys);
    start(&format!(
        "defaults: {{{of_all}}}
routes:
  - {{id: html, path: /html, {}}}
  - {{id: png, path: /png, {}}}
  - {{id: events, path: /events, {}}}
  - {{id: csv, path: /csv, {}}}
  - {{id: done, path: /done, {}}}
  - {{id: off, path: /off, {}}}
  - {{id: small, path: /small, respond: {{body: some}}, {keys}}}
  - {{id: refused, path: /refused, ip_deny: 127.0.0.1, respond: 200, {keys}}}",
        respond("content-type: text/html, etag: '\"tag\"', accept-ranges: bytes"),
        respond("content-type: image/png"),
        respond("content-type: text/event-stream"),
        respond("content-type: text/csv"),
        respond("content-type: text/html, content-encoding: gzip, etag: '\"tag\"'"),
        answer("content-type: text/html", off),
    ))
    .await
}

async fn get(gateway: &Running, path: &str, accepts: &str) -> Response<Incoming> {
    let request = Request::get(path)
        .header("host", "a")
        .header("accept-encoding", accepts);
    let request = request.body(Empty::<Bytes>::new()).expect("a request");
    let mut connection = http1(address(gateway)).await;
    within(connection.send_request(request))
        .await
        .expect("a response")
}

fn encoding<B>(response: &Response<B>) -> Option<&str> {
    let encoding = response.headers().get("content-encoding")?;
    Some(encoding.to_str().expect("text"))
}

async fn bytes(response: Response<Incoming>) -> Bytes {
    let body = within(response.into_body().collect()).await;
    body.expect("a whole body").to_bytes()
}

fn unzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut decoder = GzDecoder::new(bytes);
    decoder.read_to_string(&mut text).expect("gzip");
    text
}

#[tokio::test]
async fn a_client_gets_what_it_can_read() {
    let gateway = gateway("compression: true").await;
    for (accepts, wanted) in [
        ("gzip", Some("gzip")),
        ("gzip, br", Some("br")),
        ("gzip, deflate, br, zstd", Some("zstd")),
        ("gzip;q=1, zstd;q=0.5", Some("gzip")),
        ("deflate", None),
        ("identity", None),
    ] {
        let response = get(&gateway, "/html", accepts).await;
        assert_eq!(encoding(&response), wanted, "{accepts}");
        assert_eq!(response.headers()["vary"], "accept-encoding");
        let tag = if wanted.is_some() {
            "W/\"tag\""
        } else {
            "\"tag\""
        };
        assert_eq!(response.headers()["etag"], tag, "{accepts}");
        let body = bytes(response).await;
        assert_eq!(
            body.len() < 2000,
            wanted.is_some(),
            "{accepts}: {}",
            body.len()
        );
        if wanted == Some("gzip") {
            assert_eq!(unzip(&body), "some ".repeat(400));
        }
    }
}

#[tokio::test]
async fn what_gains_nothing_stays_as_it_is() {
    for (keys, of_all) in everywhere("compression: {encodings: gzip, exclude_types: text/csv}") {
        let gateway = gateway_of(keys, of_all).await;
        for (path, wanted) in [
            ("/html", true),
            ("/png", false),
            ("/events", false),
            ("/csv", false),
            ("/small", false),
            ("/off", false),
        ] {
            let response = get(&gateway, path, "gzip, br, zstd").await;
            assert_eq!(encoding(&response), wanted.then_some("gzip"), "{path}");
        }
        // Once is enough, and the tag is that of these bytes.
        let done = get(&gateway, "/done", "gzip").await;
        assert_eq!(done.headers()["etag"], "\"tag\"");
        let body = bytes(done).await;
        assert!(body.starts_with(b"some "), "{body:?}");
    }
}

#[tokio::test]
async fn what_the_gateway_answers_itself_is_compressed_too() {
    for (keys, of_all) in everywhere("compression: {min_size: 4}") {
        let gateway = gateway_of(keys, of_all).await;
        for path in ["/small", "/refused"] {
            let response = get(&gateway, path, "gzip").await;
            assert_eq!(encoding(&response), Some("gzip"), "{path}");
        }
    }
    let none = gateway("").await;
    assert_eq!(encoding(&get(&none, "/html", "gzip").await), None);
}

#[tokio::test]
async fn a_stream_does_not_wait_for_more() {
    let (mut sender, body) = Channel::<Bytes, hyper::Error>::new(1);
    let body = std::sync::Arc::new(std::sync::Mutex::new(Some(body)));
    let upstream = Upstream::bind().await.serve(move |_| {
        let body = body.lock().expect("no panic").take();
        async move { Response::new(body.map_or(full(""), BodyExt::boxed)) }
    });
    let gateway = start(&format!(
        "routes: [{{id: all, path: '/*', compression: {{encodings: gzip}}, upstream: up}}]
upstreams: [{{name: up, endpoints: '{upstream}'}}]"
    ))
    .await;
    let (response, sent) =
        tokio::join!(get(&gateway, "/", "gzip"), sender.send_data("first".into()));
    sent.expect("a reader");
    assert_eq!(encoding(&response), Some("gzip"));
    let mut body = response.into_body();
    // All that was sent is here, though the end is not.
    let (mut read, mut text) = (Vec::new(), String::new());
    while text != "first" {
        let frame = within(body.frame())
            .await
            .expect("more")
            .expect("no failure");
        read.extend_from_slice(&frame.into_data().expect("data"));
        text.clear();
        let _ = GzDecoder::new(read.as_slice()).read_to_string(&mut text);
    }
    drop(sender);
    while let Some(frame) = within(body.frame()).await {
        read.extend_from_slice(&frame.expect("no failure").into_data().expect("data"));
    }
    assert_eq!(unzip(&read), "first");
}
