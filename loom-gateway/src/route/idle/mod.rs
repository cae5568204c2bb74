//! A route's `idle_timeout`: how long no byte of a request or of its response may pass, either way.
//!
//! What waits for the whole of an exchange cannot tell a long one from a dead one; this can. Before the response's headers are
//! out the answer is 504, after that the transfer is cut. A plugin that holds the request counts as silence.

mod body;
mod future;
mod service;
mod watch;

pub(super) use service::IdleTimeoutLayer;
