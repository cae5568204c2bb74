//! One server of an upstream, and the connections to it that are kept.
//!
//! The pool is the gateway's own, on hyper's connections. hyper-util's `Client` sends a request on a kept connection
//! that the server has closed whenever its task has not yet had a turn to notice, and the client gets a 502 for it; it
//! also starts a task per response to wait for the end of its body. Here the body itself brings the connection back, and
//! one that was unused for a while is looked at, and its request kept, before it is trusted.

mod body;
mod condition;
mod connector;
mod endpoint;
mod ends;
mod exchange;
mod http2;
mod idle;
mod lease;
mod names;
mod place;
mod report;
mod secure;

pub(super) use condition::{Admission, State};
pub(super) use connector::ConnectTimeout;
pub(super) use endpoint::Endpoint;
pub(super) use exchange::{SendError, send, send_http2};
pub(super) use lease::{Lease, Permit};
pub(super) use names::UnknownName;
pub(super) use place::Place;
pub(super) use report::Report;
pub(crate) use secure::Secure;
pub use secure::SecureError;
pub(super) use secure::TlsError;
