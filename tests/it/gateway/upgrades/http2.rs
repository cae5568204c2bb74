//! The extended `CONNECT` of HTTP/2.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::ext::Protocol;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::super::support::{Upstream, address, http2, proxy_to, start, text, within};
use super::websocket::{echo, server};

/// Asks for a protocol, on a connection on which something was answered before: so the server's settings are known.
async fn connect(gateway: SocketAddr, protocol: Option<&'static str>) -> Response<Incoming> {
    let mut client = http2(gateway).await;
    let first = Request::get("http://a/first").body(Empty::<Bytes>::new());
    let first = within(client.send_request(first.expect("a request"))).await;
    text(first.expect("a response")).await;
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri("http://example/chat")
        .header("sec-websocket-version", "13");
    if let Some(protocol) = protocol {
        request = request.extension(Protocol::from_static(protocol));
    } else {
        request = request.uri("example:80");
    }
    let request = request.body(Empty::new()).expect("a request");
    within(client.send_request(request))
        .await
        .expect("a response")
}

fn chat_at(upstream: SocketAddr) -> String {
    format!(
        "routes:
  - {{id: chat, path: /chat, methods: [GET], upstream: backend}}
  - {{id: first, path: /first, respond: {{status: 204}}}}
upstreams: [{{name: backend, endpoints: ['{upstream}']}}]"
    )
}

#[tokio::test]
async fn a_websocket_in_a_stream() {
    let gateway = start(&chat_at(server().await)).await;
    let response = connect(address(&gateway), Some("websocket")).await;
    assert_eq!(response.status(), 200);
    for name in ["connection", "upgrade", "sec-websocket-accept"] {
        assert!(!response.headers().contains_key(name), "{name}");
    }
    let upgraded = hyper::upgrade::on(response).await.expect("a stream");
    let upgraded = TokioIo::new(upgraded);
    let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    within(socket.next())
        .await
        .expect("an answer")
        .expect("a message");
    echo(&mut socket, "hello".into()).await;
    echo(&mut socket, vec![7; 1 << 20].into()).await;
    socket.close(None).await.expect("a server");
    while let Some(Ok(_)) = within(socket.next()).await {}
    within(gateway.shutdown()).await;
}

#[tokio::test]
async fn a_refusal_passes() {
    let refusal = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno";
    let upstream = Upstream::bind().await.answer_and_close(refusal);
    let gateway = start(&chat_at(upstream)).await;
    let response = connect(address(&gateway), Some("websocket")).await;
    assert_eq!(response.status(), 403);
    assert_eq!(text(response).await, "no");
}

/// To the client it would say that the stream is switched.
#[tokio::test]
async fn a_success_that_switches_nothing_is_a_failure() {
    let gateway = start(&chat_at(Upstream::bind().await.say("a page"))).await;
    let response = connect(address(&gateway), Some("websocket")).await;
    assert_eq!(response.status(), 502);
}

#[tokio::test]
async fn there_are_no_other_tunnels() {
    let upstream = Upstream::bind().await;
    let gateway = start(
        &(proxy_to(&[upstream.address()]).replace(
            "routes: [",
            "routes: [{id: first, path: /first, respond: {status: 204}}, ",
        )),
    )
    .await;
    for protocol in [None, Some("h2c")] {
        let response = connect(address(&gateway), protocol).await;
        assert_eq!(response.status(), 501, "{protocol:?}");
    }
}
