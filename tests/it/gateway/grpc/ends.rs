//! Calls that one side gives up.

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body_util::BodyExt;
use http_body_util::channel::Channel;
use tonic::Code;

use super::super::support::{address, http2, start, within};
use super::{Client, Setup, message};
use crate::grpc_server::GrpcServer;
use crate::layer::Guest;
use crate::speaker::Speaker;

/// Waits until this is so.
async fn until(is_so: impl Fn() -> bool) {
    within(async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Reads bodies as they come.
fn reading() -> Guest {
    Guest::new()
        .on("proxy_on_request_body", "(i32.const 0)")
        .on("proxy_on_response_body", "(i32.const 0)")
}

fn setups() -> [Setup; 2] {
    [Setup::new(), Setup::new().plugin("reading", &reading())]
}

#[tokio::test]
async fn a_server_hears_that_its_client_has_gone_before_it_answered() {
    for setup in setups() {
        let server = GrpcServer::start().await;
        let gateway = start(&setup.yaml(server.address, "")).await;
        let mut client = Client::connect(address(&gateway)).await;
        let call = tokio::spawn(async move {
            client
                .unary("/test.Exact/SilentWithoutHead", message("x"))
                .await
        });
        until(|| server.silences() == 1).await;
        call.abort();
        until(|| server.silences() == 0).await;
    }
}

#[tokio::test]
async fn a_server_hears_that_its_client_has_gone_in_mid_stream() {
    for setup in setups() {
        let (speaker, server) = Speaker::start().await;
        let gateway = start(&setup.yaml(server, "")).await;
        let mut client = http2(address(&gateway)).await;
        let (mut sender, body) = Channel::<Bytes, std::io::Error>::new(1);
        let request = Request::post("http://a/test.Speaker/SayAgain")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(body)
            .expect("a request");
        let response = within(client.send_request(request)).await;
        let mut back = response.expect("it begins").into_body();
        let said = Bytes::from_static(b"\0\0\0\0\x03one");
        sender.send_data(said.clone()).await.expect("a reader");
        let frame = within(back.frame()).await.expect("a message");
        let data = frame.expect("no failure").into_data();
        assert_eq!(data.expect("a message"), said);
        assert_eq!(speaker.open(), 1);
        // tonic's client would go on with what it says.
        sender.abort(std::io::Error::other("enough"));
        drop(back);
        until(|| speaker.open() == 0).await;
        assert!(!client.is_closed(), "it was the stream alone");
    }
}

#[tokio::test]
async fn a_client_is_told_that_its_server_has_given_up() {
    for setup in setups() {
        let server = GrpcServer::start().await;
        let gateway = start(&setup.yaml(server.address, "")).await;
        let mut client = Client::connect(address(&gateway)).await;
        let early = client.unary("/test.Exact/ResetEarly", message("x")).await;
        assert_eq!(early.expect_err("a reset").code(), Code::Unavailable);

        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let words = stream::poll_fn(move |cx| receiver.poll_recv(cx));
        let answer = client.streaming("/test.Exact/ResetAtMessage", words).await;
        let mut back = answer.expect("it begins").into_inner();
        let first = within(back.message()).await.expect("a message");
        assert_eq!(first.expect("it"), "abc");
        sender.send("go".into()).await.expect("a reader");
        let status = within(back.message()).await.expect_err("a reset");
        assert_eq!(status.code(), Code::Internal, "as without a gateway");
    }
}

#[tokio::test]
async fn a_client_is_told_that_its_server_has_died() {
    for setup in setups() {
        let server = GrpcServer::start().await;
        let gateway = start(&setup.yaml(server.address, "")).await;
        let mut client = Client::connect(address(&gateway)).await;
        let words = stream::pending::<Bytes>();
        let answer = client.streaming("/test.Exact/Silent", words).await;
        let mut back = answer.expect("it begins").into_inner();
        server.close_connections().await;
        let status = within(back.message()).await.expect_err("no end in order");
        assert_ne!(status.code(), Code::Ok);
    }
}
