//! An upstream that writes down what it receives, as a server reads it that follows RFC 9112 to the letter.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::support::Upstream;

/// A server that answers each whole request with 200, and remembers everything.
pub(super) struct Recorder {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    /// All bytes of all connections.
    bytes: Vec<u8>,
}

/// A request as it came.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) head: String,
    pub(super) body: String,
}

impl Request {
    /// The lines that say how long the body is.
    fn framing(&self) -> impl Iterator<Item = &str> {
        let names = ["content-length:", "transfer-encoding:"];
        self.head.lines().filter(move |line| {
            names
                .iter()
                .any(|name| line.to_lowercase().starts_with(name))
        })
    }

    /// The values of a header.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1);
        let pairs = lines.filter_map(|line| line.split_once(": "));
        pairs
            .filter(|(found, _)| *found == name)
            .map(|(_, value)| value)
            .collect()
    }

    /// Method, target, framing and body in a line.
    fn summary(&self) -> String {
        let line = self.head.lines().next().unwrap_or_default();
        let mut parts: Vec<_> = vec![line.trim_end_matches(" HTTP/1.1")];
        parts.extend(self.framing());
        if !self.body.is_empty() {
            parts.push(&self.body);
        }
        parts.join(" | ")
    }
}

impl Recorder {
    pub(super) async fn start() -> Self {
        let upstream = Upstream::bind().await;
        let this = Self {
            address: upstream.address(),
            seen: Arc::default(),
        };
        let seen = Arc::clone(&this.seen);
        tokio::spawn(async move {
            loop {
                let stream = upstream.accept().await;
                tokio::spawn(record(stream, Arc::clone(&seen)));
            }
        });
        this
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.seen.lock().expect("no panic").requests.clone()
    }

    /// Each request in a line.
    pub(super) fn summaries(&self) -> Vec<String> {
        self.requests().iter().map(Request::summary).collect()
    }

    /// Everything that came.
    pub(super) fn text(&self) -> String {
        let seen = self.seen.lock().expect("no panic");
        String::from_utf8_lossy(&seen.bytes).into_owned()
    }
}

async fn record(mut stream: TcpStream, seen: Arc<Mutex<Seen>>) {
    let mut unread = Vec::new();
    let mut piece = [0; 16 << 10];
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        unread.extend_from_slice(&piece[..read]);
        seen.lock()
            .expect("no panic")
            .bytes
            .extend_from_slice(&piece[..read]);
        while let Some(request) = take(&mut unread) {
            seen.lock().expect("no panic").requests.push(request);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

/// Takes a whole request from the beginning of these bytes.
fn take(bytes: &mut Vec<u8>) -> Option<Request> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let value = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.strip_prefix(name));
        lines.next().map(|value| value.trim().to_owned())
    };
    let (body, length) = if value("transfer-encoding:").is_some() {
        chunked(&bytes[end..])?
    } else {
        let length = value("content-length:").map_or(0, |length| length.parse().expect("a number"));
        (bytes.get(end..end + length)?.to_vec(), length)
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    bytes.drain(..end + length);
    Some(Request {
        head,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// The body, and how many bytes it takes. Trailers become a part of it.
fn chunked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let line = bytes[at..].windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&bytes[at..at + line]).expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        at += line + 2;
        if size == 0 {
            let rest = &bytes[at..];
            if rest.starts_with(b"\r\n") {
                return Some((body, at + 2));
            }
            let end = rest.windows(4).position(|four| four == b"\r\n\r\n")?;
            body.extend_from_slice(&rest[..end]);
            return Some((body, at + end + 4));
        }
        body.extend_from_slice(bytes.get(at..at + size)?);
        bytes.get(at + size..at + size + 2)?;
        at += size + 2;
    }
}
