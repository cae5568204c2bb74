//! WebSocket.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

use super::super::support::{Upstream, address, proxy_to, start, within};
use crate::built::add_header;
use crate::layer::zoo::wasm;

/// A server that says everything back, and first of all what `x-processed-by` was.
pub(super) async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn serve(stream: TcpStream) {
    let mut processed = String::new();
    #[expect(clippy::result_large_err, reason = "the library's own type")]
    let look = |request: &Request, response: Response| {
        let header = request.headers().get("x-processed-by");
        processed = format!("{header:?}");
        Ok(response)
    };
    let mut socket = accept_hdr_async(stream, look).await.expect("a handshake");
    socket.send(processed.into()).await.expect("a client");
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() || message.is_binary() {
            socket.send(message).await.expect("a client");
        }
    }
}

async fn connect(
    gateway: SocketAddr,
) -> Result<(WebSocketStream<TcpStream>, http::Response<Option<Vec<u8>>>), Error> {
    let stream = TcpStream::connect(gateway).await.expect("a listener");
    let mut request = "ws://example/chat".into_client_request().expect("a URL");
    // What the plugin that refuses looks at.
    request
        .headers_mut()
        .insert("x-phase", http::HeaderValue::from_static("b"));
    within(client_async(request, stream)).await
}

/// Says something, and hears it again.
pub(super) async fn echo<S>(socket: &mut WebSocketStream<S>, message: Message)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    socket.send(message.clone()).await.expect("a server");
    let back = within(socket.next()).await.expect("an answer");
    assert_eq!(back.expect("a message"), message);
}

fn with_plugin(upstream: SocketAddr, plugin: &std::path::Path) -> String {
    format!(
        "plugins: [{{name: one, path: '{}'}}]
routes: [{{id: all, path: '/*', plugins: [one], upstream: backend}}]
upstreams: [{{name: backend, endpoints: ['{upstream}']}}]",
        plugin.display()
    )
}

#[tokio::test]
async fn plugins_see_the_handshake_and_messages_pass() {
    let gateway = start(&with_plugin(server().await, &add_header())).await;
    let (mut socket, response) = connect(address(&gateway)).await.expect("a handshake");
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["x-gateway"], "Loom");
    let first = within(socket.next()).await.expect("an answer");
    assert_eq!(
        first.expect("a message").into_text().expect("text"),
        "Some(\"Loom\")"
    );
    echo(&mut socket, "hello".into()).await;
    echo(&mut socket, vec![7; 1 << 20].into()).await;
    socket.close(None).await.expect("a server");
    while let Some(Ok(_)) = within(socket.next()).await {}
}

#[tokio::test]
async fn a_plugin_refuses_with_its_own_response() {
    let folder = tempfile::tempdir().expect("a folder");
    let module = folder.path().join("refuses.wasm");
    let refuses = wasm("(call $reply (i32.const 403)) (i32.const 1)");
    std::fs::write(&module, refuses).expect("written");
    let upstream = Upstream::bind().await;
    let gateway = start(&with_plugin(upstream.address(), &module)).await;
    let Err(Error::Http(response)) = connect(address(&gateway)).await else {
        panic!("the plugin lets nobody in");
    };
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn a_retried_handshake_is_a_handshake() {
    let gone = super::super::support::refused_address().await;
    let yaml = proxy_to(&[gone, server().await]).replace(
        "upstream: backend}",
        "upstream: backend, retry: {attempts: 3, when: [connect_failure]}}",
    );
    let gateway = start(&yaml).await;
    for _ in 0..4 {
        let (mut socket, _) = connect(address(&gateway)).await.expect("a handshake");
        within(socket.next())
            .await
            .expect("an answer")
            .expect("a message");
        echo(&mut socket, "hello".into()).await;
    }
}

#[tokio::test]
async fn a_built_in_answer_is_no_handshake() {
    let gateway = start(
        "routes: [{id: all, path: '/*', upstream: echo}]
upstreams: [{name: echo, builtin: echo}]",
    )
    .await;
    let Err(Error::Http(response)) = connect(address(&gateway)).await else {
        panic!("echo speaks HTTP only");
    };
    assert_eq!(response.status(), 200);
}
