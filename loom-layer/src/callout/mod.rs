//! HTTP calls that plugins make: to whom, and how they end. Plain Rust, no VM.

mod exchange;
mod upstreams;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

pub(crate) use exchange::{CallRequest, CallResult, perform};
pub(crate) use upstreams::{Upstream, Upstreams};

use crate::error::BoxError;

/// The body of a callout, as an upstream's service gets it.
pub type CalloutBody = UnsyncBoxBody<Bytes, BoxError>;
