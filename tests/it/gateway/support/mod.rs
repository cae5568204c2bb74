//! What the tests of the gateway have in common.

mod binary;
mod client;
pub(super) mod frames;
mod gateway;
pub(super) mod panics;
mod upstream;
pub(super) mod without;

use std::time::Duration;

pub(super) use binary::{Loom, loom, loom_with, program};
pub(super) use client::{Raw, http1, http2, text};
pub(super) use gateway::{address, proxy_to, start};
pub(super) use upstream::{Upstream, full, read_head, refused_address};
pub(super) use without::parse;

/// Ends a test that hangs. No test depends on its value.
pub(super) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .expect("the test hangs")
}
