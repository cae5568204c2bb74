//! A server over HTTP/2, as gRPC wants it.

use bytes::Bytes;
use h2::server::{SendResponse, handshake};
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Seen, lock};
use crate::Error;
use crate::case::{Answer, Field, Reset};
use crate::text::show;
use crate::wire::PACE;

/// Serves the requests of one connection, one after the other.
pub(super) async fn connection(
    stream: TcpStream,
    answers: &[Answer],
    seen: &Seen,
) -> Result<(), Error> {
    let mut connection = handshake(stream).await?;
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = accepted?;
        let number = {
            let mut seen = lock(seen);
            seen.push(describe(&request));
            seen.len() - 1
        };
        let Some(answer) = answers.get(number).or(answers.last()) else {
            return Ok(());
        };
        // The connection moves only while it is asked for requests.
        let (answer, seen) = (answer.clone(), std::sync::Arc::clone(seen));
        tokio::spawn(async move {
            // What breaks is part of what cases try.
            drop(exchange(request, respond, &answer, &seen, number).await);
        });
    }
    Ok(())
}

fn describe(request: &Request<RecvStream>) -> Vec<String> {
    let mut lines = vec![format!("  {} {}", request.method(), request.uri().path())];
    for (name, value) in request.headers() {
        lines.push(format!("    {name}: {}", show(value.as_bytes())));
    }
    lines
}

async fn exchange(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    answer: &Answer,
    seen: &Seen,
    number: usize,
) -> Result<(), Error> {
    if answer.silent {
        std::future::pending::<()>().await;
    }
    if !answer.early {
        receive(request.into_body(), seen, number).await;
    }
    if let Some(delay) = answer.delay {
        sleep(delay).await;
    }
    if answer.reset == Some(Reset::BeforeHead) {
        respond.send_reset(Reason::INTERNAL_ERROR);
        return Ok(());
    }
    let mut head = Response::builder().status(answer.status).body(())?;
    *head.headers_mut() = fields(&answer.headers)?;
    let pieces = &answer.body.body.0;
    let ends = pieces.is_empty() && answer.body.trailers.is_empty();
    let mut send = respond.send_response(head, ends)?;
    if answer.reset.is_some() {
        sleep(PACE).await;
        send.send_reset(Reason::INTERNAL_ERROR);
        return Ok(());
    }
    for (index, piece) in pieces.iter().enumerate() {
        if answer.body.paced {
            sleep(PACE).await;
        }
        let last = index + 1 == pieces.len() && answer.body.trailers.is_empty();
        send.send_data(Bytes::copy_from_slice(piece), last)?;
    }
    if !answer.body.trailers.is_empty() {
        if answer.body.paced {
            sleep(PACE).await;
        }
        send.send_trailers(fields(&answer.body.trailers)?)?;
    }
    Ok(())
}

async fn receive(mut body: RecvStream, seen: &Seen, number: usize) {
    let mut all = Vec::new();
    let end = loop {
        match body.data().await {
            Some(Ok(piece)) => {
                drop(body.flow_control().release_capacity(piece.len()));
                all.extend_from_slice(&piece);
            }
            Some(Err(_)) => break "  cut",
            None => break "",
        }
    };
    if let Some(lines) = lock(seen).get_mut(number) {
        if !all.is_empty() {
            lines.push(format!("  body {}", show(&all)));
        }
        if !end.is_empty() {
            lines.push(end.to_owned());
        }
    }
}

fn fields(fields: &[Field]) -> Result<HeaderMap, Error> {
    let mut map = HeaderMap::new();
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes())?;
        map.append(name, HeaderValue::from_bytes(&field.value)?);
    }
    Ok(map)
}
