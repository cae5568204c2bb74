//! Clients.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::client::conn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An HTTP/1.1 connection.
pub(crate) async fn http1<B>(address: SocketAddr) -> conn::http1::SendRequest<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let (sender, connection) = conn::http1::handshake(connect(address).await)
        .await
        .expect("a connection");
    tokio::spawn(connection);
    sender
}

/// An HTTP/2 connection by prior knowledge.
pub(crate) async fn http2<B>(address: SocketAddr) -> conn::http2::SendRequest<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let handshake = conn::http2::handshake(TokioExecutor::new(), connect(address).await);
    let (sender, connection) = handshake.await.expect("a connection");
    tokio::spawn(connection);
    sender
}

async fn connect(address: SocketAddr) -> TokioIo<TcpStream> {
    TokioIo::new(TcpStream::connect(address).await.expect("a listener"))
}

/// A response's body as text.
pub(crate) async fn text(response: http::Response<Incoming>) -> String {
    let body = super::within(response.into_body().collect())
        .await
        .expect("a whole body")
        .to_bytes();
    String::from_utf8(body.to_vec()).expect("UTF-8")
}

/// A connection that is read and written by hand.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.expect("a listener"))
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("a reader");
    }

    /// Everything until the other side closes, or resets.
    pub(crate) async fn rest(mut self) -> String {
        let mut all = Vec::new();
        let _ = super::within(self.0.read_to_end(&mut all)).await;
        String::from_utf8_lossy(&all).into_owned()
    }

    /// Everything until this text has come.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut all = Vec::new();
        while !all.ends_with(text.as_bytes()) {
            all.push(super::within(self.0.read_u8()).await.expect("more"));
        }
        String::from_utf8_lossy(&all).into_owned()
    }

    /// One response of which the length is known.
    pub(crate) async fn response(&mut self) -> String {
        let head = super::upstream::read_head(&mut self.0).await;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .expect("a length");
        let mut body = vec![0; length.parse().expect("a number")];
        super::within(self.0.read_exact(&mut body))
            .await
            .expect("a whole body");
        head + &String::from_utf8_lossy(&body)
    }

    /// Sends one request, and gives everything that comes until the gateway closes.
    pub(crate) async fn exchange(address: SocketAddr, request: &str) -> String {
        let mut raw = Self::connect(address).await;
        raw.send(request).await;
        raw.rest().await
    }
}
