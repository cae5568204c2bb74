//! Upstreams.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server on a free port.
pub(crate) struct Upstream {
    listener: TcpListener,
}

impl Upstream {
    pub(crate) async fn bind() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.expect("a free port"),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("a bound socket")
    }

    /// The next connection, to be read and written by hand.
    pub(crate) async fn accept(&self) -> TcpStream {
        super::within(self.listener.accept())
            .await
            .expect("a connection")
            .0
    }

    /// Serves HTTP/1.1 from now on; ends with the test's runtime.
    pub(crate) fn serve<F>(
        self,
        answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    ) -> SocketAddr
    where
        F: Future<Output = Response<BoxBody<Bytes, hyper::Error>>> + Send + 'static,
    {
        let address = self.address();
        tokio::spawn(async move {
            while let Ok((stream, _)) = self.listener.accept().await {
                let answer = answer.clone();
                let service = service_fn(move |request| {
                    let response = answer(request);
                    async move { Ok::<_, Infallible>(response.await) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        address
    }

    /// Answers every request with this text from now on.
    pub(crate) fn say(self, text: &'static str) -> SocketAddr {
        self.serve(move |_| async move { Response::new(full(text)) })
    }

    /// Answers every connection with these bytes, once its first request's headers are in, and closes it.
    pub(crate) fn answer_and_close(self, bytes: &'static [u8]) -> SocketAddr {
        let address = self.address();
        tokio::spawn(async move {
            loop {
                let mut stream = self.accept().await;
                tokio::spawn(async move {
                    read_head(&mut stream).await;
                    stream.write_all(bytes).await.expect("a reader");
                });
            }
        });
        address
    }

    /// The head of the first request, as it came, answered with an empty 200.
    pub(crate) async fn capture(self) -> String {
        let mut stream = self.accept().await;
        let head = read_head(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .await
            .expect("a reader");
        head
    }
}

/// A body of this text.
pub(crate) fn full(text: impl Into<Bytes>) -> BoxBody<Bytes, hyper::Error> {
    Full::new(text.into())
        .map_err(|never| match never {})
        .boxed()
}

/// Reads to the empty line that ends a head, and gives what came until then.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(super::within(stream.read_u8()).await.expect("a whole head"));
    }
    String::from_utf8(head).expect("a head in ASCII")
}

/// An address where nobody listens.
pub(crate) async fn refused_address() -> SocketAddr {
    Upstream::bind().await.address()
}
