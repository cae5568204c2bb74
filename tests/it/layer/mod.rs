//! The library from outside: real modules in real services.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something is not as expected"
)]

mod chains;
mod compositions;
mod header_maps;
mod host_calls;
mod loading;
mod logging;
mod memory;
mod properties;
mod readiness;
mod replies;
mod shared_state;
mod starting;
mod support;
mod ticks;
mod wasi;
