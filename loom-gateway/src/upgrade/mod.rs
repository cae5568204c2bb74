//! Connections that stop speaking HTTP: `Upgrade` of HTTP/1.1 (RFC 9110, 7.8) and the extended `CONNECT` of HTTP/2 (RFC 8441).
//!
//! Inside of the gateway both are one thing: a request whose body is what the client sends after the switch, and a
//! response, 101, whose body is what the upstream sends then. So whatever stands around a route works on an upgrade as on any
//! other exchange: plugins, counters, the access log, `idle_timeout`, and back-pressure, which is that of bodies.
//!
//! [`client`] makes that request of what a client asked, and carries the response's body once the connection is switched;
//! [`upstream`] is the other end.

mod client;
mod protocol;
mod upstream;

pub(crate) use client::{Client, WriteLimit};
pub(crate) use protocol::{Asked, give_up, keep_in_request, keep_in_response};
pub(crate) use upstream::{Waiting, is_switched};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::ReadHalf;
use tokio_util::io::ReaderStream;

use crate::limits;

/// What one side of a switched connection sends.
type Reader = ReadHalf<TokioIo<Upgraded>>;

/// What is read from it, piece by piece.
fn pieces(reader: Reader) -> ReaderStream<Reader> {
    ReaderStream::with_capacity(reader, limits::UPGRADE_BUFFER)
}
