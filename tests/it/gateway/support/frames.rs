//! HTTP/2, frame by frame (RFC 9113), so that what no library would send can be sent.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

/// Flags.
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A frame as it goes over the wire.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload");
    let mut bytes = length.to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A header block in which nothing is indexed or compressed (RFC 7541, 6.2.2).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            length(&mut bytes, text.len());
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

/// The frame of a whole head.
pub(crate) fn headers(stream: u32, fields: &[(&str, &str)], flags: u8) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, &block(fields))
}

/// An integer with a prefix of seven bits (RFC 7541, 5.1).
fn length(bytes: &mut Vec<u8>, mut number: usize) {
    let byte = |number: usize| u8::try_from(number).expect("a byte");
    if number < 127 {
        bytes.push(byte(number));
        return;
    }
    bytes.push(127);
    number -= 127;
    while number >= 128 {
        bytes.push(byte(number % 128) | 128);
        number /= 128;
    }
    bytes.push(byte(number));
}

/// A frame that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The reason in a RST_STREAM or a GOAWAY.
    fn reason(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        let reason = self.payload[at..at + 4].try_into().expect("four bytes");
        u32::from_be_bytes(reason)
    }

    /// The status that a head of a response begins with.
    fn status(&self) -> u16 {
        match self.payload[..] {
            [0x88, ..] => 200,
            [0x89, ..] => 204,
            [0x8a, ..] => 206,
            [0x8b, ..] => 304,
            [0x8c, ..] => 400,
            [0x8d, ..] => 404,
            [0x8e, ..] => 500,
            [0x48, length, ref digits @ ..] if length & 0x80 != 0 => digits_of(digits),
            [0x48, 3, a, b, c, ..] => {
                let text = String::from_utf8_lossy(&[a, b, c]).into_owned();
                text.parse().expect("a status")
            }
            ref other => panic!("no status: {other:?}"),
        }
    }
}

/// Three digits in Huffman's code (RFC 7541, appendix B).
fn digits_of(bytes: &[u8]) -> u16 {
    let mut bits = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| u16::from(byte >> bit & 1)));
    let mut read = |count: usize| bits.by_ref().take(count).fold(0, |all, bit| all << 1 | bit);
    let mut status = 0;
    for _ in 0..3 {
        let five = read(5);
        let digit = if five < 3 {
            five
        } else {
            (five << 1 | read(1)) - 22
        };
        status = status * 10 + digit;
    }
    status
}

/// What becomes of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Status(u16),
    /// RST_STREAM with this reason.
    Reset(u32),
    /// GOAWAY with this reason, not counting `NO_ERROR`.
    GoAway(u32),
    Closed,
}

/// A connection, of frames.
pub(crate) struct Frames(pub(crate) TcpStream);

impl Frames {
    /// A client's, after its preface.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a listener");
        let mut this = Self(stream);
        this.send(PREFACE).await;
        this.send(frame(SETTINGS, 0, 0, &[])).await;
        this
    }

    /// A server's, after both prefaces.
    pub(crate) async fn accepted(mut stream: TcpStream) -> Self {
        let mut preface = [0; PREFACE.len()];
        super::within(stream.read_exact(&mut preface))
            .await
            .expect("a preface");
        assert_eq!(preface, PREFACE);
        let mut this = Self(stream);
        this.send(frame(SETTINGS, 0, 0, &[])).await;
        this.send(frame(SETTINGS, ACK, 0, &[])).await;
        this
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("a reader");
    }

    /// The next frame; `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        super::within(read(&mut self.0)).await
    }

    /// The next frame of this kind.
    pub(crate) async fn until(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// What becomes of this stream first.
    pub(crate) async fn outcome(&mut self, stream: u32) -> Outcome {
        while let Some(frame) = self.next().await {
            match frame.kind {
                HEADERS if frame.stream == stream => return Outcome::Status(frame.status()),
                RST_STREAM if frame.stream == stream => return Outcome::Reset(frame.reason()),
                GOAWAY if frame.reason() != 0 => return Outcome::GoAway(frame.reason()),
                _ => {}
            }
        }
        Outcome::Closed
    }
}

async fn read(stream: &mut TcpStream) -> Option<Frame> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let [a, b, c, kind, flags, stream_id @ ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    stream.read_exact(&mut payload).await.ok()?;
    Some(Frame {
        kind,
        flags,
        stream: u32::from_be_bytes(stream_id),
        payload,
    })
}
