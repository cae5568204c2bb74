//! `max_body`: how much a client may send.
//!
//! A request that says it has more is answered before anything of it is read. One that does not say is cut where it gets too
//! large: what is inside gets an error in the place of the rest, so that no upstream takes it for a whole one, and the client gets
//! the answer, if no other one is on its way.

mod body;
mod future;
mod service;

pub(super) use service::BodyLimitLayer;
