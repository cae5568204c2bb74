//! HTTP/1.1 to the byte: what both the client and the servers of the kit write and read.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::sleep;

use crate::case::{Body, Field};
use crate::text::show;

/// The pause between two pieces that are to arrive one by one.
pub(crate) const PACE: Duration = Duration::from_millis(40);

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    Cut,
}

/// A head, parsed.
pub(crate) struct Head {
    /// The first line.
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Head {
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }
}

/// A body as it came.
pub(crate) struct Received {
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
    pub(crate) end: End,
}

/// What the length of a body that is read goes by.
pub(crate) enum Framing {
    None,
    Length(usize),
    Chunked,
    UntilClose,
}

impl Framing {
    pub(crate) fn of(head: &Head, otherwise: Self) -> Self {
        let text = |name| {
            head.get(name)
                .and_then(|value| std::str::from_utf8(value).ok())
        };
        if text("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            return Self::Chunked;
        }
        let length = text("content-length").and_then(|length| length.parse().ok());
        length.map_or(otherwise, Self::Length)
    }
}

/// One side of a connection, with what was read too far.
pub(crate) struct Wire<S> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        let buffer = Vec::new();
        Self { stream, buffer }
    }

    /// The next head; `None` when the other side ends before it is complete.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if !self.fill().await? {
                return Ok(None);
            }
        };
        let head: Vec<u8> = self.buffer.drain(..end).collect();
        let start_end = find(&head, b"\r\n").unwrap_or(head.len());
        let start = String::from_utf8_lossy(&head[..start_end]).into_owned();
        let headers = fields(head.get(start_end + 2..).unwrap_or_default())?;
        Ok(Some(Head { start, headers }))
    }

    /// A body, to its end or to where it breaks off.
    pub(crate) async fn body(&mut self, framing: Framing) -> Received {
        let mut received = Received {
            body: Vec::new(),
            trailers: Vec::new(),
            end: End::Complete,
        };
        let read = match framing {
            Framing::None => Ok(()),
            Framing::Length(length) => self.exactly(length, &mut received.body).await,
            Framing::Chunked => self.chunks(&mut received).await,
            Framing::UntilClose => loop {
                received.body.append(&mut self.buffer);
                match self.fill().await {
                    Ok(true) => {}
                    Ok(false) => break Ok(()),
                    Err(error) => break Err(error),
                }
            },
        };
        if read.is_err() {
            received.end = End::Cut;
        }
        received
    }

    async fn chunks(&mut self, received: &mut Received) -> io::Result<()> {
        loop {
            let line = self.line().await?;
            let text = String::from_utf8_lossy(&line);
            let size = text.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16)
                .map_err(|_| io::Error::other(format!("{text:?} is no size of a chunk")))?;
            if size == 0 {
                break;
            }
            self.exactly(size, &mut received.body).await?;
            self.line().await?;
        }
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(());
            }
            let mut with_end = line;
            with_end.extend(b"\r\n\r\n");
            received.trailers.append(&mut fields(&with_end)?);
        }
    }

    async fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                let mut line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                line.truncate(end);
                return Ok(line);
            }
            if !self.fill().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn exactly(&mut self, length: usize, into: &mut Vec<u8>) -> io::Result<()> {
        let mut missing = length;
        loop {
            let take = missing.min(self.buffer.len());
            into.extend(self.buffer.drain(..take));
            missing -= take;
            if missing == 0 {
                return Ok(());
            }
            if !self.fill().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn fill(&mut self) -> io::Result<bool> {
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

/// Writes a message: its head, and its body in the framing that the head names.
pub(crate) async fn write_message(
    stream: &mut (impl AsyncWrite + Unpin),
    mut head: Vec<u8>,
    body: &Body,
) -> io::Result<()> {
    let chunked = body.is_chunked();
    head.extend(b"\r\n");
    let mut pending = head;
    for piece in &body.body.0 {
        if body.paced {
            flush(stream, &mut pending).await?;
        }
        if chunked {
            pending.extend(format!("{:x}\r\n", piece.len()).bytes());
        }
        pending.extend_from_slice(piece);
        if chunked {
            pending.extend(b"\r\n");
        }
    }
    if chunked {
        if body.paced {
            flush(stream, &mut pending).await?;
        }
        pending.extend(b"0\r\n");
        write_fields(&mut pending, &body.trailers);
        pending.extend(b"\r\n");
    }
    stream.write_all(&pending).await
}

async fn flush(stream: &mut (impl AsyncWrite + Unpin), pending: &mut Vec<u8>) -> io::Result<()> {
    stream.write_all(pending).await?;
    pending.clear();
    sleep(PACE).await;
    Ok(())
}

/// The header lines that frame a body, unless the case has written its own.
pub(crate) fn framing(body: &Body, headers: &[Field], always: bool) -> Vec<Field> {
    let has = |name: &str| {
        headers
            .iter()
            .any(|field| field.name.eq_ignore_ascii_case(name))
    };
    let field = |name: &str, value: String| Field {
        name: name.to_owned(),
        value: value.into_bytes(),
    };
    if body.is_chunked() && !has("transfer-encoding") {
        let mut fields = vec![field("transfer-encoding", "chunked".to_owned())];
        if !body.trailers.is_empty() {
            // Some HTTP/1.1 implementations send only trailers that were announced.
            let names: Vec<_> = body
                .trailers
                .iter()
                .map(|field| field.name.as_str())
                .collect();
            fields.push(field("trailer", names.join(", ")));
        }
        fields
    } else if (always || body.length() > 0) && !has("content-length") && !has("transfer-encoding") {
        vec![field("content-length", body.length().to_string())]
    } else {
        Vec::new()
    }
}

/// Writes header lines.
pub(crate) fn write_fields<'a>(into: &mut Vec<u8>, fields: impl IntoIterator<Item = &'a Field>) {
    for field in fields {
        into.extend(field.name.bytes());
        into.extend(b": ");
        into.extend_from_slice(&field.value);
        into.extend(b"\r\n");
    }
}

/// A body and its end as lines of a transcript.
pub(crate) fn describe(received: &Received, into: &mut Vec<String>) {
    if !received.body.is_empty() {
        into.push(format!("  body {}", show(&received.body)));
    }
    for (name, value) in &received.trailers {
        into.push(format!("    trailer {name}: {}", show(value)));
    }
    if received.end == End::Cut {
        into.push("  cut".to_owned());
    }
}

fn fields(lines: &[u8]) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut place = [httparse::EMPTY_HEADER; 256];
    match httparse::parse_headers(lines, &mut place) {
        Ok(httparse::Status::Complete((_, headers))) => Ok(headers
            .iter()
            .map(|header| (header.name.to_owned(), header.value.to_vec()))
            .collect()),
        other => Err(io::Error::other(format!("no header lines: {other:?}"))),
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
