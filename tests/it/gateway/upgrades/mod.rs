//! Connections that stop speaking HTTP.

mod ends;
mod http2;
mod raw;
mod websocket;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::support::{Raw, Upstream, read_head};

/// A request that asks for a protocol that nobody knows.
const ASK: &str =
    "GET /talk HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\nupgrade: Foo/2\r\n\r\n";

/// An answer that agrees.
const AGREE: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: foo/2\r\nx-a: b\r\n\r\n";

/// Both ends of a connection that was upgraded through a gateway: the client's and the upstream's.
pub(super) async fn upgraded(
    gateway: std::net::SocketAddr,
    upstream: &Upstream,
) -> (Raw, TcpStream) {
    let mut client = Raw::connect(gateway).await;
    client.send(ASK).await;
    let mut server = upstream.accept().await;
    read_head(&mut server).await;
    server.write_all(AGREE).await.expect("a reader");
    let head = read_head(&mut client.0).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    (client, server)
}
