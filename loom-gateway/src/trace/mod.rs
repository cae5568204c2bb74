//! Traces: spans of what happens to a request, for OpenTelemetry.
//!
//! A gateway without `tracing` has none of this: the layers that begin spans are not in its stacks, and `traceparent` is a
//! header like any other. With it, [`TraceLayer`] begins the span of a request and puts a [`Trace`] into its extensions, if
//! it is recorded. Whoever does something with the request finds it there and makes the spans below.
//!
//! Spans are made with OpenTelemetry's own interface and not out of those of the `tracing` crate, which are for the log: a
//! level that hides log lines would hide spans too.

mod attempt;
mod collector;
mod headers;
mod layer;
mod plugins;
mod request;
mod room;

pub(crate) use attempt::{Attempts, Peer};
pub(crate) use collector::Tracing;
pub(crate) use layer::TraceLayer;
pub(crate) use plugins::observer as plugin_observer;
pub(crate) use request::Trace;
