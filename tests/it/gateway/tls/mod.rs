//! TLS of listeners.

pub(super) mod choice;
pub(super) mod clients;
mod expiry;
mod files;
pub(super) mod forward;
pub(super) mod handshakes;
mod properties;
pub(super) mod support;
