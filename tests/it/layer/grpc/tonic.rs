//! With a server of tonic's: every kind of method, metadata, statuses, deadlines and cancellation.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use loom_layer::LoomPlugin;
use tokio::net::TcpListener;
use tonic::metadata::MetadataValue;
use tonic::server::{Grpc, NamedService};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};
use tower::{Service, service_fn};

use super::super::support::eventually;
use super::super::tonic::Plain;
use super::{ask, caller};

type Words = BoxStream<'static, Result<Bytes, Status>>;

/// A service with a method of each kind.
#[derive(Debug, Clone, Default)]
struct Speaker {
    /// Streams that are being served.
    open: Arc<AtomicUsize>,
}

impl NamedService for Speaker {
    const NAME: &'static str = "test.Speaker";
}

impl Service<http::Request<tonic::body::Body>> for Speaker {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(Plain);
            Ok(match request.uri().path() {
                "/test.Speaker/Greet" => grpc.unary(service_fn(greet), request).await,
                "/test.Speaker/Count" => grpc.server_streaming(service_fn(count), request).await,
                "/test.Speaker/Join" => grpc.client_streaming(service_fn(join), request).await,
                "/test.Speaker/SayAgain" => {
                    let say_again = service_fn(move |words| this.clone().say_again(words));
                    grpc.streaming(say_again, request).await
                }
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

/// One message each way: who is greeted, or how the greeting fails.
async fn greet(request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    let metadata = request.metadata();
    let text = |name| metadata.get(name).and_then(|value| value.to_str().ok());
    let greeting = match &request.get_ref()[..] {
        b"deadline" => text("grpc-timeout").unwrap_or("none").to_owned(),
        b"metadata" => text("x-from").unwrap_or("none").to_owned(),
        b"late" => return Err(Status::deadline_exceeded("too late")),
        b"nobody" => return Err(Status::not_found("nö")),
        name => format!("hello {}", String::from_utf8_lossy(name)),
    };
    Ok(Response::new(greeting.into()))
}

/// Many messages to the client.
async fn count(request: Request<Bytes>) -> Result<Response<Words>, Status> {
    let up_to: usize = String::from_utf8_lossy(request.get_ref())
        .parse()
        .map_err(|_| Status::invalid_argument("no number"))?;
    let numbers = (1..=up_to).map(|number| Ok(number.to_string().into()));
    let mut end = Status::resource_exhausted("tired");
    end.metadata_mut()
        .insert("x-counted", MetadataValue::from_static("all"));
    Ok(Response::new(
        stream::iter(numbers.chain([Err(end)])).boxed(),
    ))
}

/// Many messages from the client.
async fn join(request: Request<Streaming<Bytes>>) -> Result<Response<Bytes>, Status> {
    let words: Vec<_> = request.into_inner().try_collect().await?;
    Ok(Response::new(words.join(&b"+"[..]).into()))
}

/// Counts a stream as long as it lives.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Speaker {
    /// Many messages both ways: each one is said again.
    async fn say_again(
        self,
        request: Request<Streaming<Bytes>>,
    ) -> Result<Response<Words>, Status> {
        self.open.fetch_add(1, Ordering::SeqCst);
        let open = Open(self.open);
        let words = request.into_inner().map(move |word| {
            let _ = &open;
            word
        });
        let mut response = Response::new(words.boxed());
        response
            .metadata_mut()
            .insert("x-initial", MetadataValue::from_static("seen"));
        Ok(response)
    }
}

/// The service behind a socket, and a plugin that may call it.
async fn speaker(name: &str) -> (LoomPlugin, Speaker) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let connections = stream::unfold(listener, async |listener| {
        let connection = listener.accept().await.map(|(stream, _)| stream);
        Some((connection, listener))
    });
    let speaker = Speaker::default();
    let server = Server::builder().add_service(speaker.clone());
    tokio::spawn(server.serve_with_incoming(Box::pin(connections)));
    let plugin = caller(name)
        .upstream("speaker", &format!("http://{address}"))
        .build_async()
        .await
        .unwrap();
    (plugin, speaker)
}

/// What the plugin was told of its only call. The server adds a `date`, which is counted and not shown.
async fn told(plugin: &LoomPlugin, plan: &[(&str, &str)]) -> Vec<String> {
    let told = ask(plugin, plan).await;
    told.lines()
        .map(|line| line.strip_prefix("1: ").unwrap_or(line).to_owned())
        .collect()
}

#[tokio::test]
async fn calls() {
    let (plugin, _speaker) = speaker("grpc-tonic-calls").await;
    for (message, answer) in [
        ("world", "response of 11: hello world"),
        ("deadline", "response of 6: 20000m"),
        ("metadata", "response of 5: guest"),
        ("late", "failed 4: 4 too%20late"),
        ("nobody", "failed 5: 5 n%C3%B6"),
    ] {
        let start = format!("call speaker test.Speaker Greet 20000 {message}");
        assert_eq!(told(&plugin, &[("start", &start)]).await, [answer]);
    }
    let start = "call speaker test.Speaker Whisper 20000 x";
    assert_eq!(
        told(&plugin, &[("start", start)]).await,
        ["failed 12: 12 no%20such%20method"]
    );
    let start = "call speaker test.Nobody Greet 20000 x";
    let nobody = told(&plugin, &[("start", start)]).await;
    assert!(nobody[0].starts_with("failed 12: "), "{nobody:?}");
}

#[tokio::test]
async fn a_server_that_streams() {
    let (plugin, _speaker) = speaker("grpc-tonic-server").await;
    let start = "stream speaker test.Speaker Count | end 3";
    assert_eq!(
        told(&plugin, &[("start", start)]).await,
        [
            "initial of 3: :status=200 content-type=application/grpc",
            "message of 1: 1",
            "message of 1: 2",
            "message of 1: 3",
            "trailing of 3: grpc-message=tired grpc-status=8 x-counted=all",
            "closed 8: 8 tired",
        ]
    );
    let start = "stream speaker test.Speaker Count | end many";
    assert_eq!(
        told(&plugin, &[("start", start)]).await,
        [
            "initial of 0: ",
            "trailing of 5: :status=200 content-type=application/grpc grpc-message=no%20number grpc-status=3",
            "closed 3: 3 no%20number",
        ]
    );
    // More than a window of HTTP/2 holds, and than one read brings.
    let start = "stream speaker test.Speaker Count | end 100000";
    let many = told(&plugin, &[("start", start)]).await;
    assert_eq!(many.len(), 100_000 + 3);
    assert_eq!(many[100_000], "message of 6: 100000");
}

#[tokio::test]
async fn a_client_that_streams() {
    let (plugin, _speaker) = speaker("grpc-tonic-client").await;
    for end in ["end c", "send c | close"] {
        let start = format!("stream speaker test.Speaker Join | send a | send | send b | {end}");
        let told = told(&plugin, &[("start", &start)]).await;
        assert_eq!(
            told[1..],
            [
                "message of 6: a++b+c",
                "trailing of 1: grpc-status=0",
                "closed 0: 0 "
            ]
        );
    }
    let start = "stream speaker test.Speaker Join | again 30 send *100000 | close";
    let told = told(&plugin, &[("start", start)]).await;
    assert_eq!(told[1], "message of 3000029: 3000029 bytes");
}

#[tokio::test]
async fn both_stream() {
    let (plugin, speaker) = speaker("grpc-tonic-both").await;
    let told = told(
        &plugin,
        &[
            ("start", "stream speaker test.Speaker SayAgain"),
            ("initial", "send one"),
            ("message-1", "send two"),
            ("message-2", "send three"),
            ("message-3", "close"),
        ],
    )
    .await;
    assert_eq!(
        told,
        [
            "initial of 4: :status=200 content-type=application/grpc x-initial=seen",
            "message of 3: one",
            "message of 3: two",
            "message of 5: three",
            "trailing of 1: grpc-status=0",
            "closed 0: 0 ",
        ]
    );
    eventually("it is served", || speaker.open.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn what_is_cancelled_ends_at_the_server() {
    let (plugin, speaker) = speaker("grpc-tonic-cancel").await;
    let told = told(
        &plugin,
        &[
            ("start", "stream speaker test.Speaker SayAgain | send one"),
            ("message-1", "cancel | finish"),
        ],
    )
    .await;
    assert_eq!(told.last().unwrap(), "message of 3: one");
    eventually("the server hears of it", || {
        speaker.open.load(Ordering::SeqCst) == 0
    })
    .await;
}
