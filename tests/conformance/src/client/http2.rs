//! The client over HTTP/2, with prior knowledge.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::Error;
use crate::case::{Field, Request};
use crate::text::show;
use crate::wire::{End, PACE, Received, describe};

pub(super) async fn exchange(
    address: SocketAddr,
    request: &Request,
    lines: &mut Vec<String>,
) -> Result<(), Error> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (client, connection) = h2::client::handshake(stream).await?;
    // Ends with the exchange, and with it the connection.
    tokio::select! {
        result = run(client, request, lines) => result,
        closed = connection => {
            lines.push("  closed without an answer".to_owned());
            Ok(closed?)
        }
    }
}

async fn run(
    client: SendRequest<Bytes>,
    request: &Request,
    lines: &mut Vec<String>,
) -> Result<(), Error> {
    let mut client = client.ready().await?;
    let ends =
        request.body.length() == 0 && !request.body.paced && request.body.trailers.is_empty();
    let (response, mut send) = client.send_request(head(request)?, ends)?;
    let sending = async {
        // What fails here shows in the answer.
        drop(send_body(&mut send, request, ends).await);
        std::future::pending::<()>().await;
    };
    let receiving = async {
        let Ok(response) = response.await else {
            lines.push("  closed without an answer".to_owned());
            return Ok(());
        };
        lines.push(format!("  {}", response.status().as_u16()));
        for (name, value) in response.headers() {
            lines.push(format!("    {name}: {}", show(value.as_bytes())));
        }
        describe(&receive_body(response.into_body()).await, lines);
        Ok(())
    };
    tokio::select! {
        result = receiving => result,
        () = sending => Ok(()),
    }
}

fn head(request: &Request) -> Result<http::Request<()>, Error> {
    let target = format!("http://{}{}", request.authority, request.path);
    let mut head = http::Request::builder()
        .method(request.method.as_str())
        .uri(target)
        .version(http::Version::HTTP_2)
        .body(())?;
    *head.headers_mut() = fields(&request.headers)?;
    Ok(head)
}

fn fields(fields: &[Field]) -> Result<HeaderMap, Error> {
    let mut map = HeaderMap::new();
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes())?;
        map.append(name, HeaderValue::from_bytes(&field.value)?);
    }
    Ok(map)
}

async fn send_body(
    send: &mut h2::SendStream<Bytes>,
    request: &Request,
    ended: bool,
) -> Result<(), Error> {
    if ended {
        return Ok(());
    }
    let body = &request.body;
    let last = body.body.0.len().saturating_sub(1);
    for (index, piece) in body.body.0.iter().enumerate() {
        if body.paced {
            sleep(PACE).await;
        }
        let ends = index == last && !body.paced && body.trailers.is_empty();
        send.send_data(Bytes::copy_from_slice(piece), ends)?;
    }
    if body.paced {
        sleep(PACE).await;
    }
    if !body.trailers.is_empty() {
        send.send_trailers(fields(&body.trailers)?)?;
    } else if body.paced {
        send.send_data(Bytes::new(), true)?;
    }
    Ok(())
}

async fn receive_body(mut body: h2::RecvStream) -> Received {
    let mut received = Received {
        body: Vec::new(),
        trailers: Vec::new(),
        end: End::Complete,
    };
    while let Some(piece) = body.data().await {
        let Ok(piece) = piece else {
            received.end = End::Cut;
            return received;
        };
        // Without this the other side stops at the end of the window.
        drop(body.flow_control().release_capacity(piece.len()));
        received.body.extend_from_slice(&piece);
    }
    match body.trailers().await {
        Ok(trailers) => {
            let trailers = trailers.iter().flatten();
            let line = |(name, value): (&HeaderName, &HeaderValue)| {
                (name.as_str().to_owned(), value.as_bytes().to_vec())
            };
            received.trailers = trailers.map(line).collect();
        }
        Err(_) => received.end = End::Cut,
    }
    received
}
