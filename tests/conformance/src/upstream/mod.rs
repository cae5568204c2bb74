//! The servers behind a host: they answer to the byte, and tell what they got.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::case::{Answer, Field, Reset};
use crate::text::show;
use crate::wire::{self, Framing, Head, Received, Wire};

mod http2;

/// A server that is up. Dropped, it is gone.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Vec<String>>>>,
    task: JoinHandle<()>,
}

impl Upstream {
    /// Binds a free port. A server that is to be dead keeps it, so that nobody else gets it, and does not listen.
    pub(crate) fn start(answers: &[Answer]) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = socket.local_addr()?;
        let seen = Arc::default();
        let task = if answers.first().is_some_and(|answer| answer.dead) {
            tokio::spawn(async move {
                let _socket = socket;
                std::future::pending::<()>().await;
            })
        } else {
            let listener = socket.listen(1024)?;
            tokio::spawn(serve(listener, answers.into(), Arc::clone(&seen)))
        };
        Ok(Self {
            address,
            seen,
            task,
        })
    }

    /// The lines about each request, in the order of their arrival.
    pub(crate) fn seen(&self) -> Vec<Vec<String>> {
        lock(&self.seen).clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Seen = Arc<Mutex<Vec<Vec<String>>>>;

fn lock(seen: &Mutex<Vec<Vec<String>>>) -> std::sync::MutexGuard<'_, Vec<Vec<String>>> {
    seen.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn serve(listener: TcpListener, answers: Arc<[Answer]>, seen: Seen) {
    while let Ok((stream, _)) = listener.accept().await {
        let (answers, seen) = (Arc::clone(&answers), Arc::clone(&seen));
        tokio::spawn(async move {
            // A connection that breaks is part of what cases try.
            if answers.first().is_some_and(|answer| answer.http == 2) {
                drop(http2::connection(stream, &answers, &seen).await);
            } else {
                drop(connection(stream, &answers, &seen).await);
            }
        });
    }
}

async fn connection(stream: TcpStream, answers: &[Answer], seen: &Seen) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = Wire::new(stream);
    while let Some(head) = wire.head().await? {
        let number = {
            let mut seen = lock(seen);
            seen.push(describe(&head));
            seen.len() - 1
        };
        let Some(answer) = answers.get(number).or(answers.last()) else {
            return Ok(());
        };
        let framing = Framing::of(&head, Framing::None);
        if answer.early {
            respond(&mut wire.stream, &head, answer).await?;
            note(seen, number, &wire.body(framing).await);
        } else {
            let received = wire.body(framing).await;
            note(seen, number, &received);
            respond(&mut wire.stream, &head, answer).await?;
        }
        if answer.reset.is_some() {
            return Ok(());
        }
    }
    Ok(())
}

fn describe(head: &Head) -> Vec<String> {
    let start = head.start.trim_end_matches(" HTTP/1.1");
    let mut lines = vec![format!("  {start}")];
    for (name, value) in &head.headers {
        lines.push(format!(
            "    {}: {}",
            name.to_ascii_lowercase(),
            show(value)
        ));
    }
    lines
}

fn note(seen: &Seen, number: usize, received: &Received) {
    if let Some(lines) = lock(seen).get_mut(number) {
        wire::describe(received, lines);
    }
}

async fn respond(stream: &mut TcpStream, request: &Head, answer: &Answer) -> io::Result<()> {
    if let Some(delay) = answer.delay {
        sleep(delay).await;
    }
    if answer.silent {
        std::future::pending::<()>().await;
    }
    let head = head(request, answer);
    match answer.reset {
        None if is_bodiless(request, answer) => {
            let mut head = head;
            head.extend(b"\r\n");
            stream.write_all(&head).await
        }
        None => wire::write_message(stream, head, &answer.body).await,
        Some(Reset::BeforeHead) => abort(stream),
        Some(Reset::AfterHead) => {
            let mut head = head;
            head.extend(b"\r\n");
            stream.write_all(&head).await?;
            sleep(wire::PACE).await;
            abort(stream)
        }
        Some(Reset::InBody) => {
            let mut head = head;
            head.extend(b"\r\n");
            let first = answer.body.body.0.first().map_or(&[][..], Vec::as_slice);
            head.extend(&first[..first.len() / 2]);
            stream.write_all(&head).await?;
            sleep(wire::PACE).await;
            abort(stream)
        }
    }
}

fn is_bodiless(request: &Head, answer: &Answer) -> bool {
    request.start.starts_with("HEAD ") || matches!(answer.status, 204 | 304)
}

/// Makes the close of the connection a reset.
fn abort(stream: &TcpStream) -> io::Result<()> {
    stream.set_zero_linger()
}

fn head(request: &Head, answer: &Answer) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} Status\r\n", answer.status).into_bytes();
    wire::write_fields(&mut head, &answer.headers);
    let always = !matches!(answer.status, 204 | 304);
    let framing: Vec<Field> = match is_bodiless(request, answer) && answer.body.length() == 0 {
        true => Vec::new(),
        false => wire::framing(&answer.body, &answer.headers, always),
    };
    wire::write_fields(&mut head, &framing);
    head
}
