//! `websocket-chat`, with its own server and one for authorization of the test's own.

use futures_util::{SinkExt, StreamExt};
use http::{Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::super::support::{Upstream, full, within};
use super::{Example, PLUGINS};

/// The example. Who has the token `letmein` may come in.
async fn start() -> Option<Example> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let chat = listener.local_addr().expect("an address").to_string();
    tokio::spawn(websocket_chat::serve(listener));
    let auth = Upstream::bind().await.serve(|request| async move {
        let mut response = Response::new(full(""));
        if request.headers()["authorization"] != "Bearer letmein" {
            *response.status_mut() = StatusCode::FORBIDDEN;
        }
        response
    });
    let auth = auth.to_string();
    let changes = [("127.0.0.1:9001", &*chat), ("127.0.0.1:9000", &*auth)];
    Example::of("websocket-chat", "auth-callout", PLUGINS, &changes).await
}

/// Somebody who wants in with this token.
async fn enter(example: &Example, token: &str) -> Result<WebSocketStream<TcpStream>, Error> {
    let stream = TcpStream::connect(example.address).await;
    let request = "ws://example/chat".into_client_request();
    let mut request = request.expect("a URL");
    if !token.is_empty() {
        let value = format!("Bearer {token}").parse().expect("a value");
        request.headers_mut().insert("authorization", value);
    }
    let (mut socket, _) = within(client_async(request, stream.expect("a listener"))).await?;
    assert_eq!(hear(&mut socket).await, "welcome");
    Ok(socket)
}

async fn hear(socket: &mut WebSocketStream<TcpStream>) -> String {
    let message = within(socket.next()).await.expect("a message");
    message.expect("no failure").to_string()
}

#[tokio::test]
async fn what_one_says_the_other_hears() {
    let Some(example) = start().await else {
        return;
    };
    let mut ada = enter(&example, "letmein").await.expect("a good token");
    let mut grace = enter(&example, "letmein").await.expect("a good token");
    ada.send("hello".into()).await.expect("a chat");
    assert_eq!(hear(&mut grace).await, "hello");
    grace.send("hello yourself".into()).await.expect("a chat");
    assert_eq!(hear(&mut ada).await, "hello yourself");
}

#[tokio::test]
async fn nobody_gets_in_without_a_good_token() {
    let Some(example) = start().await else {
        return;
    };
    for (token, status) in [("", 401), ("wrong", 403)] {
        match enter(&example, token).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), status, "{token}"),
            other => panic!("{token:?}: {other:?}"),
        }
    }
}
