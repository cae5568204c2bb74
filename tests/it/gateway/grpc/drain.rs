//! The end of a gateway in which calls are under way.

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use loom_gateway::Drained;

use super::super::support::{address, http2, start, within};
use super::Setup;
use crate::speaker::Speaker;

type Words = Channel<Bytes, std::io::Error>;

const WORD: &[u8] = b"\0\0\0\0\x03one";

fn request() -> (Sender<Bytes, std::io::Error>, Request<Words>) {
    let (sender, body) = Channel::new(1);
    let request = Request::post("http://a/test.Speaker/SayAgain")
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    (sender, request.body(body).expect("a request"))
}

/// Begins a stream.
async fn talk(client: &mut SendRequest<Words>) -> (Sender<Bytes, std::io::Error>, Incoming) {
    let (sender, request) = request();
    let response = within(client.send_request(request)).await;
    (sender, response.expect("it begins").into_body())
}

/// Says something, and hears it again.
async fn say(sender: &mut Sender<Bytes, std::io::Error>, back: &mut Incoming) {
    let word = Bytes::from_static(WORD);
    sender.send_data(word).await.expect("a reader");
    let frame = within(back.frame()).await.expect("a message");
    let data = frame.expect("no failure").into_data().expect("a message");
    assert_eq!(data, WORD);
}

#[tokio::test]
async fn calls_go_on_and_no_new_ones_begin() {
    let (_speaker, server) = Speaker::start().await;
    let gateway = start(&Setup::new().yaml(server, "")).await;
    let mut client = http2(address(&gateway)).await;
    let (mut sender, mut back) = talk(&mut client).await;
    say(&mut sender, &mut back).await;
    let shutdown = tokio::spawn(gateway.shutdown());
    // The connection is told: GOAWAY. What the client has sent before it hears of that is served, too.
    within(async {
        while client.ready().await.is_ok() && !client.is_closed() {
            let (last, request) = request();
            drop(last);
            let _ = client.send_request(request).await;
            tokio::task::yield_now().await;
        }
    })
    .await;
    for _ in 0..10 {
        say(&mut sender, &mut back).await;
    }
    assert!(!shutdown.is_finished());
    drop(sender);
    let end = within(back.collect()).await.expect("an end in order");
    assert_eq!(end.trailers().expect("trailers")["grpc-status"], "0");
    assert_eq!(within(shutdown).await.expect("no panic"), Drained::Complete);
}

#[tokio::test]
async fn calls_that_do_not_end_are_ended_at_both_sides() {
    let (speaker, server) = Speaker::start().await;
    let yaml = Setup::new().yaml(server, "");
    let yaml = format!("shutdown: {{drain_timeout: 50ms}}\n{yaml}");
    let gateway = start(&yaml).await;
    let mut client = http2(address(&gateway)).await;
    let (mut sender, mut back) = talk(&mut client).await;
    say(&mut sender, &mut back).await;
    assert_eq!(speaker.open(), 1);
    assert_eq!(within(gateway.shutdown()).await, Drained::TimedOut);
    assert!(within(back.collect()).await.is_err(), "it is cut");
    within(async {
        while speaker.open() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
