//! The numbers and encodings of Proxy-Wasm 0.1.0, 0.2.0 and 0.2.1. Plain data, no VM.

// As in `vm`: what does not fit is met where it shows.
#![deny(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

mod kinds;
pub(crate) mod pairs;
mod status;
mod version;

pub(crate) use kinds::{Action, BufferType, MapType, StreamType};
pub(crate) use status::Status;
pub(crate) use version::AbiVersion;
