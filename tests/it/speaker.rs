//! A gRPC server of tonic's with a method of each kind, for messages that are plain bytes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tokio::net::TcpListener;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataValue;
use tonic::server::{Grpc, NamedService};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};
use tower::{Service, service_fn};

/// Messages that are plain bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

type Words = BoxStream<'static, Result<Bytes, Status>>;

/// A service with a method of each kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Speaker {
    /// Streams that are being served.
    open: Arc<AtomicUsize>,
}

impl Speaker {
    /// Starts the service behind a socket; it ends with the test's runtime.
    pub(crate) async fn start() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let connections = stream::unfold(listener, async |listener| {
            let connection = listener.accept().await.map(|(stream, _)| stream);
            Some((connection, listener))
        });
        let speaker = Self::default();
        let server = Server::builder().add_service(speaker.clone());
        tokio::spawn(server.serve_with_incoming(Box::pin(connections)));
        (speaker, address)
    }

    /// How many streams are being served.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
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
