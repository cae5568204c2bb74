//! A route's `timeout`: from the end of the request to the end of the response.
//!
//! A slow upload does not count, since its pace is the client's; a slow response does, to its last byte. Before the
//! response's headers are out the answer is 504, after that the transfer is cut. Where a response has no end by its nature
//! the time ends with its headers.

mod body;
mod change;
mod clock;
mod future;
mod service;

pub(super) use change::TimeoutChange;
pub(super) use service::RouteTimeoutLayer;
