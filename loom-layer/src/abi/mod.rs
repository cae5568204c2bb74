//! The numbers and encodings of Proxy-Wasm 0.1.0, 0.2.0 and 0.2.1. Plain data, no VM.

mod kinds;
pub(crate) mod pairs;
mod status;
mod version;

pub(crate) use kinds::{Action, BufferType, MapType, StreamType};
pub(crate) use status::Status;
pub(crate) use version::AbiVersion;
