//! One `loom::access` event per request, and the span that everything which is logged about it stands in.
//!
//! Both are of the level debug: at the default level they cost one comparison. The event comes when the response's body
//! has ended, not when its headers are out, so that it tells the truth about length, duration and a transfer that broke.
//!
//! The lines that `access_log` configures are written at the same point, whatever the level.

mod body;
mod entry;
mod future;
mod line;
mod record;
mod service;
mod sink;

pub(super) use entry::name_route;
pub(crate) use service::AccessLogLayer;
pub(crate) use sink::Sink;
