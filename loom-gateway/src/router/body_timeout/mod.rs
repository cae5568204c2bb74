//! A listener's `limits.body_timeout`: how long the gateway waits for the body of a request.
//!
//! What counts is the time in which somebody here wants more of the body and the client has not sent it. A server that reads
//! slowly, and a plugin that holds the request, are not the client's fault. What comes gives time back, at the most to where it
//! began: so a client that sends at the rate of `body_rate` may take hours, and one that sends a byte now and then may not. Once a
//! response has begun, the two sides talk, and nobody can tell who waits for whom.

mod body;
mod future;
mod patience;
mod service;

pub(super) use service::BodyTimeoutLayer;
