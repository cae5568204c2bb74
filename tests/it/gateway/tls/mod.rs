//! TLS of listeners.

mod choice;
mod clients;
mod expiry;
mod files;
mod forward;
mod handshakes;
mod properties;
pub(super) mod support;
