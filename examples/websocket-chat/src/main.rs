//! Runs the server of the library beside it, or somebody who talks:
//!
//! ```console
//! cargo run -p websocket-chat
//! cargo run -p websocket-chat -- ws://127.0.0.1:8080/chat letmein
//! ```

use std::env;
use std::error::Error;
use std::process::ExitCode;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::net::TcpListener;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as Failure, Message};

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let result = match (arguments.next(), arguments.next()) {
        (None, _) => serve().await,
        (Some(url), token) => talk(&url, token.as_deref()).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:9001").await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(websocket_chat::serve(listener).await?)
}

/// Says each line of the standard input, and shows what others say.
async fn talk(url: &str, token: Option<&str>) -> Result<(), Box<dyn Error>> {
    let mut request = url.into_client_request()?;
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse()?;
        request.headers_mut().insert("authorization", value);
    }
    let (mut socket, _) = match connect_async(request).await {
        Err(Failure::Http(response)) => return Err(refusal(&response).into()),
        connected => connected?,
    };
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => socket.send(line.into()).await?,
                None => return Ok(socket.close(None).await?),
            },
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => println!("{text}"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Ok(()),
            },
        }
    }
}

/// What an answer says that is none of WebSocket.
fn refusal(response: &tokio_tungstenite::tungstenite::http::Response<Option<Vec<u8>>>) -> String {
    let body = response.body().as_deref().unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    format!("{}: {body}", response.status())
}
