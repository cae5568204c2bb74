#![doc = include_str!("../README.md")]
//!
//! # The way of a request, module by module
//!
//! `cli` reads `loom.yaml`, `app` puts together what it describes. `listener` accepts a connection and reads a request;
//! `router` is what happens to every request; `route` is one route's stack, with the `plugins` in it; `proxy` sends the
//! request to an upstream. `admin` tells about all of it, with what `metrics` counts; `trace` makes spans; `inspect` says which
//! route takes a request, and why;
//! `grpc` is for calls of gRPC, `upgrade` for connections that stop speaking HTTP; `errors` is the one table of what a client is told when something fails, `limits` the one
//! list of what is bounded.

#![forbid(unsafe_code)]

mod admin;
mod app;
mod certificate;
pub mod cli;
mod errors;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod grpc;
mod hop_by_hop;
mod inspect;
mod limits;
mod listener;
mod logging;
mod metrics;
mod plugins;
mod proxy;
mod route;
mod router;
mod stack;
mod trace;
mod upgrade;

pub use app::{
    CheckReport, Drained, Gateway, PluginFaults, Readiness, ReloadError, ReloadStats, Reloaded,
    Reloader, Running, Source, StartError,
};
pub use listener::BindError;
pub use proxy::{EndpointHealth, EndpointStatus, SecureError, UpstreamStatus};
