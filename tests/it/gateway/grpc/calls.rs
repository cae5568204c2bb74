//! Every kind of call, with plugins on its way.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::uri::PathAndQuery;
use tokio::sync::mpsc;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};

use super::super::support::{address, start, within};
use super::{Client, Setup, message};
use crate::grpc_server::GrpcServer;
use crate::layer::Guest;
use crate::speaker::{Plain, Speaker};

/// Looks at heads, at each piece of both bodies and at trailers, and says so.
fn looking() -> Guest {
    Guest::new()
        .item("(global $pieces (mut i32) (i32.const 0))")
        .on_request(
            r#"(call $set (i32.const 0) @"x-from" @"the plugin")
               (global.set $pieces (i32.const 0))"#,
        )
        .on_response(r#"(call $set (i32.const 2) @"x-plugin" @"was here")"#)
        .on(
            "proxy_on_request_body",
            "(global.set $pieces (i32.add (global.get $pieces) (i32.const 1))) (i32.const 0)",
        )
        .on("proxy_on_response_body", "(i32.const 0)")
        .on(
            "proxy_on_response_trailers",
            r#"(call $set (i32.const 3) @"x-plugin-trailer" @"and here") (i32.const 0)"#,
        )
}

/// Does nothing with bodies.
fn passing() -> Guest {
    Guest::new().on_response(r#"(call $set (i32.const 2) @"x-passing" @"too")"#)
}

fn setup() -> Setup {
    Setup::new()
        .plugin("looking", &looking())
        .plugin("passing", &passing())
}

#[tokio::test]
async fn one_message_each_way() {
    let (_speaker, server) = Speaker::start().await;
    let setup = setup();
    let gateway = start(&setup.yaml(server, "")).await;
    let mut client = Client::connect(address(&gateway)).await;
    for _ in 0..2 {
        let answer = client.unary("/test.Speaker/Greet", message("you")).await;
        let answer = answer.expect("a greeting");
        assert_eq!(answer.metadata().get("x-plugin").expect("it"), "was here");
        assert_eq!(answer.metadata().get("x-passing").expect("it"), "too");
        let trailer = answer.metadata().get("x-plugin-trailer");
        assert_eq!(trailer.expect("the trailers are merged"), "and here");
        assert_eq!(answer.into_inner(), "hello you");
    }
    let mut request = message("metadata");
    let value = MetadataValue::from_static("the client");
    request.metadata_mut().insert("x-from", value);
    let answer = client.unary("/test.Speaker/Greet", request).await;
    assert_eq!(answer.expect("an answer").into_inner(), "the plugin");
}

#[tokio::test]
async fn many_messages_from_the_server() {
    let (_speaker, server) = Speaker::start().await;
    let setup = setup();
    let gateway = start(&setup.yaml(server, "")).await;
    let mut client = Client::connect(address(&gateway)).await;
    client.ready().await;
    let path = PathAndQuery::from_static("/test.Speaker/Count");
    let answer = client.0.server_streaming(message("300"), path, Plain);
    let mut numbers = within(answer).await.expect("it begins").into_inner();
    for number in 1..=300 {
        let said = within(numbers.message()).await.expect("a message");
        assert_eq!(said.expect("one more"), number.to_string());
    }
    let end = within(numbers.message()).await.expect_err("a status");
    assert_eq!(
        (end.code(), end.message()),
        (Code::ResourceExhausted, "tired")
    );
    assert_eq!(end.metadata().get("x-counted").expect("it"), "all");
    assert_eq!(
        end.metadata().get("x-plugin-trailer").expect("it"),
        "and here"
    );
}

#[tokio::test]
async fn many_messages_from_the_client() {
    let (_speaker, server) = Speaker::start().await;
    let setup = setup();
    let gateway = start(&setup.yaml(server, "")).await;
    let mut client = Client::connect(address(&gateway)).await;
    client.ready().await;
    let words = stream::iter(["a", "b", "c"]).map(|word| Bytes::from_static(word.as_bytes()));
    let path = PathAndQuery::from_static("/test.Speaker/Join");
    let answer = client.0.client_streaming(Request::new(words), path, Plain);
    let answer = within(answer).await.expect("an answer");
    assert_eq!(answer.into_inner(), "a+b+c");
}

#[tokio::test]
async fn each_message_is_there_before_the_next_one_is_sent() {
    let (speaker, server) = Speaker::start().await;
    let setup = setup();
    // Retries keep what they may have to send again, and hold up nothing.
    let gateway = start(&setup.yaml(server, ", retry: {attempts: 3, max_body: 16MiB}")).await;
    let mut client = Client::connect(address(&gateway)).await;
    let (sender, mut receiver) = mpsc::channel(1);
    let words = stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let answer = client.streaming("/test.Speaker/SayAgain", words).await;
    let answer = answer.expect("it begins before anything is said");
    assert_eq!(answer.metadata().get("x-initial").expect("it"), "seen");
    let mut back = answer.into_inner();
    for number in 0..100 {
        let word = Bytes::from(format!("word {number}"));
        sender.send(word.clone()).await.expect("a reader");
        let said = within(back.message()).await.expect("a message");
        assert_eq!(said.expect("one more"), word);
    }
    assert_eq!(speaker.open(), 1);
    drop(sender);
    assert_eq!(within(back.message()).await.expect("status 0"), None);
    let trailers = within(back.trailers()).await.expect("trailers");
    let trailers = trailers.expect("trailers");
    assert_eq!(trailers.get("x-plugin-trailer").expect("it"), "and here");
}

#[tokio::test]
async fn what_the_server_says_of_failures_arrives() {
    let (_speaker, server) = Speaker::start().await;
    let setup = setup();
    let gateway = start(&setup.yaml(server, "")).await;
    let mut client = Client::connect(address(&gateway)).await;
    let status = client.unary("/test.Speaker/Greet", message("nobody")).await;
    let status = status.expect_err("nobody is there");
    assert_eq!((status.code(), status.message()), (Code::NotFound, "nö"));
    let status = client.unary("/test.Speaker/Whisper", message("x")).await;
    let status = status.expect_err("no such method");
    assert_eq!(status.code(), Code::Unimplemented);
}

/// Exact bytes, to their size's limit.
#[tokio::test]
async fn messages_may_be_large_and_empty() {
    let server = GrpcServer::start().await;
    let setup = setup();
    let gateway = start(&setup.yaml(server.address, "")).await;
    let mut client = Client::connect(address(&gateway)).await;
    let large = client.unary("/test.Exact/Largest", message("")).await;
    assert_eq!(large.expect("it").into_inner().len(), 4 << 20);
    let empty = client.unary("/test.Exact/EmptyMessage", message("")).await;
    assert_eq!(empty.expect("it").into_inner(), "");
    // Trailers that come with a success.
    let echo = client
        .unary("/test.Exact/Echo", message("hello"))
        .await
        .expect("an answer");
    assert_eq!(echo.metadata().get("x-trail").expect("a trailer"), "two");
    assert_eq!(echo.into_inner(), "hello");
    assert_eq!(server.head().headers["te"], "trailers");
}
