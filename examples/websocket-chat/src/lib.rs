//! A chat: what one says, all others hear.

use std::io;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::{Error, Message};

/// What somebody may miss who does not read for a while.
const BACKLOG: usize = 64;

/// Who said what.
type Said = (u64, String);

/// Serves it, for ever.
///
/// # Errors
///
/// When the listener does.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let (all, _) = broadcast::channel(BACKLOG);
    for number in 0.. {
        let (stream, _) = listener.accept().await?;
        let all = all.clone();
        tokio::spawn(async move {
            if let Err(error) = talk(stream, number, all).await {
                eprintln!("{number} is gone: {error}");
            }
        });
    }
    Ok(())
}

/// One who talks, to the end.
async fn talk(stream: TcpStream, own: u64, all: broadcast::Sender<Said>) -> Result<(), Error> {
    let mut socket = accept_async(stream).await?;
    let mut others = all.subscribe();
    socket.send("welcome".into()).await?;
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    // With nobody there, nobody hears it.
                    let _ = all.send((own, text.to_string()));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
            said = others.recv() => match said {
                Ok((who, text)) if who != own => socket.send(text.into()).await?,
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
        }
    }
}
