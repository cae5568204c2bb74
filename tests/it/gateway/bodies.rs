//! Bodies: streamed, whole, and cut.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Raw, Upstream, address, http1, http2, proxy_to, start, within};

const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 160;

type Sender = http_body_util::channel::Sender<Bytes, std::convert::Infallible>;

/// A server that sends back each part of a request's body as it comes.
async fn mirror() -> std::net::SocketAddr {
    Upstream::bind()
        .await
        .serve(|request| async { Response::new(request.into_body().boxed()) })
}

fn chunk(number: usize) -> Bytes {
    Bytes::from(vec![u8::try_from(number % 251).expect("small"); CHUNK])
}

async fn read(body: &mut Incoming, bytes: usize) -> Vec<u8> {
    let mut data = Vec::new();
    while data.len() < bytes {
        let frame = within(body.frame())
            .await
            .expect("more")
            .expect("a whole body");
        data.extend_from_slice(&frame.into_data().expect("data"));
    }
    data
}

/// 10 MiB there and back, of which every part is back before the next one is sent: nothing waits for the end.
async fn ten_mebibytes_in_step(mut sender: Sender, response: Response<Incoming>) {
    let mut body = response.into_body();
    for number in 0..CHUNKS {
        within(sender.send_data(chunk(number)))
            .await
            .expect("a reader");
        assert!(
            read(&mut body, CHUNK).await == chunk(number),
            "part {number} is not what was sent"
        );
    }
    drop(sender);
    // The end of an HTTP/2 stream may be an empty frame.
    while let Some(frame) = within(body.frame()).await {
        let data = frame.expect("a whole body").into_data().expect("data");
        assert!(data.is_empty(), "nothing comes after the end");
    }
}

fn post(uri: &str) -> (Sender, Request<Channel<Bytes, std::convert::Infallible>>) {
    let (sender, body) = Channel::new(1);
    (
        sender,
        Request::post(uri)
            .header("host", "a")
            .body(body)
            .expect("a request"),
    )
}

#[tokio::test]
async fn bodies_are_streamed_both_ways_over_http1() {
    let gateway = start(&proxy_to(&[mirror().await])).await;
    let (sender, request) = post("/");
    let response = within(http1(address(&gateway)).await.send_request(request))
        .await
        .expect("a response");
    ten_mebibytes_in_step(sender, response).await;
}

#[tokio::test]
async fn bodies_are_streamed_both_ways_over_http2() {
    let gateway = start(&proxy_to(&[mirror().await])).await;
    let (sender, request) = post("http://a/");
    let response = within(http2(address(&gateway)).await.send_request(request))
        .await
        .expect("a response");
    ten_mebibytes_in_step(sender, response).await;
}

#[tokio::test]
async fn trailers_reach_an_http2_client() {
    let upstream = Upstream::bind().await.answer_and_close(
        b"HTTP/1.1 200 OK\r\ntrailer: x-checksum\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-checksum: 7\r\n\r\n",
    );
    let gateway = start(&proxy_to(&[upstream])).await;
    let request = Request::get("http://a/")
        .header("te", "trailers")
        .body(http_body_util::Empty::<Bytes>::new());
    let response = within(
        http2(address(&gateway))
            .await
            .send_request(request.expect("a request")),
    )
    .await;
    let body = within(response.expect("a response").into_body().collect())
        .await
        .expect("a whole body");
    assert_eq!(body.trailers().expect("trailers")["x-checksum"], "7");
}

#[tokio::test]
async fn an_upstream_that_dies_in_mid_body_is_seen_as_a_cut() {
    for cut in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly this\r\n",
    ] {
        let gateway = start(&proxy_to(&[Upstream::bind().await.answer_and_close(cut)])).await;
        let address = address(&gateway);

        let response = Raw::exchange(address, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        assert!(
            response.contains("only this"),
            "what came is passed on: {response}"
        );
        assert!(
            !response.ends_with("0\r\n\r\n"),
            "it must not look whole: {response}"
        );

        let request = Request::get("http://a/")
            .body(http_body_util::Empty::<Bytes>::new())
            .expect("a request");
        let response = within(http2(address).await.send_request(request))
            .await
            .expect("a response");
        assert!(
            within(response.into_body().collect()).await.is_err(),
            "HTTP/2 sees a reset"
        );
    }
}

#[tokio::test]
async fn an_upstream_sees_that_the_client_is_gone_in_mid_request() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nonly this")
        .await;

    let mut stream = upstream.accept().await;
    let mut seen = Vec::new();
    while !seen.ends_with(b"only this") {
        seen.push(
            within(stream.read_u8())
                .await
                .expect("the part that was sent"),
        );
    }
    drop(raw);
    // The end may be a FIN or a reset; only it must come, and no byte before it.
    let rest = within(stream.read_to_end(&mut Vec::new())).await;
    assert_eq!(rest.unwrap_or(0), 0);
}

#[tokio::test]
async fn an_upstream_sees_that_the_client_is_gone_in_mid_response() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;

    let mut stream = upstream.accept().await;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
        .await
        .expect("a reader");
    within(raw.0.read_u8())
        .await
        .expect("the response has begun");
    drop(raw);
    // Ends only because the gateway closes: otherwise it takes all of this for ever.
    within(async { while stream.write_all(b"1\r\nx\r\n").await.is_ok() {} }).await;
}

#[tokio::test]
async fn an_upstream_sees_that_the_client_is_gone_while_it_thinks() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut stream = upstream.accept().await;
    within(stream.read_u8())
        .await
        .expect("the request has begun");
    drop(raw);
    let _ = within(stream.read_to_end(&mut Vec::new())).await;
}

#[tokio::test]
async fn an_early_answer_does_not_wait_for_the_body() {
    let upstream = Upstream::bind()
        .await
        .answer_and_close(b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\n\r\n");
    let gateway = start(&proxy_to(&[upstream])).await;
    let (_sender, request) = post("/");
    let response = within(http1(address(&gateway)).await.send_request(request))
        .await
        .expect("a response");
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn a_known_length_stays_one() {
    let upstream = Upstream::bind().await.serve(|request| async move {
        let length = request.body().size_hint().exact();
        let body = StreamBody::new(futures_util::stream::iter([Ok(Frame::data(Bytes::from(
            format!("{length:?}"),
        )))]));
        Response::new(body.boxed())
    });
    let gateway = start(&proxy_to(&[upstream])).await;
    let response = Raw::exchange(
        address(&gateway),
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
    )
    .await;
    assert!(response.contains("Some(2)"), "{response}");
}
