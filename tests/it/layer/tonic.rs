//! Around a gRPC service: messages, trailers and failures as a gRPC client sees them.

use std::convert::Infallible;
use std::future::Ready;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use loom_layer::LoomPlugin;
use tonic::server::{NamedService, ServerStreamingService};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status};
use tower::{Service, service_fn};

use super::support::{Guest, load};
use crate::speaker::Plain;

/// Says everything three times, and then that it is tired.
#[derive(Debug, Clone)]
struct Parrot;

impl NamedService for Parrot {
    const NAME: &'static str = "test.Parrot";
}

type Words = stream::Iter<std::vec::IntoIter<Result<Bytes, Status>>>;

impl ServerStreamingService<Bytes> for Parrot {
    type Response = Bytes;
    type ResponseStream = Words;
    type Future = Ready<Result<Response<Words>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let seen = request.metadata().get("x-request").cloned();
        let word = request.into_inner();
        let mut words: Vec<_> = vec![Ok(word); 3];
        words.push(Err(Status::resource_exhausted("tired")));
        let mut response = Response::new(stream::iter(words));
        if let Some(seen) = seen {
            response.metadata_mut().insert("x-seen", seen);
        }
        std::future::ready(Ok(response))
    }
}

impl<B> Service<http::Request<B>> for Parrot
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tower::BoxError> + Send,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        Box::pin(async {
            let mut grpc = tonic::server::Grpc::new(Plain);
            Ok(grpc.server_streaming(Parrot, request).await)
        })
    }
}

/// A client of a server behind the plugin, over HTTP/2 in memory.
async fn client(plugin: LoomPlugin) -> tonic::client::Grpc<Channel> {
    let (near, far) = tokio::io::duplex(1 << 16);
    let server = Server::builder()
        .layer(plugin)
        .add_service(Parrot)
        .serve_with_incoming(stream::iter([Ok::<_, std::io::Error>(far)]).chain(stream::pending()));
    tokio::spawn(server);
    let mut near = Some(near);
    let connector = service_fn(move |_| {
        let io = near
            .take()
            .ok_or_else(|| std::io::Error::other("one connection"));
        std::future::ready(io.map(TokioIo::new))
    });
    let channel = Endpoint::from_static("http://parrot.test")
        .connect_with_connector(connector)
        .await
        .expect("connected");
    tonic::client::Grpc::new(channel)
}

async fn say(
    grpc: &mut tonic::client::Grpc<Channel>,
    word: &'static str,
) -> Result<Response<tonic::Streaming<Bytes>>, Status> {
    grpc.ready().await.expect("ready");
    let path = PathAndQuery::from_static("/test.Parrot/Say");
    grpc.server_streaming(Request::new(Bytes::from(word)), path, Plain)
        .await
}

#[tokio::test]
async fn messages_metadata_and_trailers_pass() {
    let guest = Guest::new()
        .on_request(r#"(call $set (i32.const 0) @"x-request" @"by the plugin")"#)
        .on_response(r#"(call $set (i32.const 2) @"x-response" @"by the plugin")"#);
    let mut grpc = client(load("tonic", &guest)).await;
    for _ in 0..3 {
        let response = say(&mut grpc, "hello").await.expect("it begins well");
        assert_eq!(response.metadata().get("x-seen").unwrap(), "by the plugin");
        assert_eq!(
            response.metadata().get("x-response").unwrap(),
            "by the plugin"
        );
        let mut words = response.into_inner();
        for _ in 0..3 {
            assert_eq!(words.message().await.unwrap().unwrap(), "hello");
        }
        let status = words.message().await.expect_err("the trailers say so");
        assert_eq!(
            (status.code(), status.message()),
            (Code::ResourceExhausted, "tired")
        );
    }
}

#[tokio::test]
async fn a_reply_and_a_failure_are_statuses() {
    let guest = Guest::new().on_request(
        r#"(drop (call $send (i32.const 403) (i32.const 0) (i32.const 0) @"not you"
             (i32.const 0) (i32.const 0) (i32.const -1)))"#,
    );
    let mut grpc = client(load("tonic-reply", &guest)).await;
    let status = say(&mut grpc, "hello").await.expect_err("refused");
    assert_eq!(
        (status.code(), status.message()),
        (Code::PermissionDenied, "not you")
    );

    let mut grpc = client(load("tonic-trap", &Guest::new().on_request("unreachable"))).await;
    let status = say(&mut grpc, "hello").await.expect_err("it traps");
    assert_eq!(status.code(), Code::Unavailable);
}
