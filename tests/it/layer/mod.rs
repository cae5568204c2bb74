//! The library from outside: real modules in real services.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something is not as expected"
)]

mod accounting;
mod bodies;
mod callouts;
mod chains;
mod compilers;
mod compositions;
mod endurance;
mod examples;
mod excess;
mod failures;
mod grpc;
mod header_maps;
mod header_values;
mod hints;
mod host_calls;
mod lifecycle;
mod loading;
mod logging;
mod memory;
mod neighbours;
mod pauses;
mod properties;
mod readiness;
mod replies;
mod reroute;
mod roots;
mod runtimes;
mod services;
mod shared_state;
mod starting;
mod subscribers;
mod support;
mod ticks;
mod tls;
mod tonic;
mod turmoil;
mod wakes;
mod wasi;
pub(crate) mod zoo;

pub(crate) use support::Guest;
