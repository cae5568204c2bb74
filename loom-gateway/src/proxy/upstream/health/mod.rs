//! Whether endpoints are well: as they answer when they are asked, and as they treat requests.

mod active;
mod grpc;
mod http;
mod passive;

use ::http::HeaderValue;

pub(super) use active::start;

/// Who asks, in the servers' logs.
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("loom/", env!("CARGO_PKG_VERSION"), " health-check"));
