//! The VM: everything that names wasmtime.
//!
//! A [`Vm`] is what plugins of one vm_id, code and limits share. It has one [`Shard`](shard::Shard) per worker thread, each
//! one wasmtime instance behind a lock, with the root contexts of all its plugins and many streams at once.

// Numbers of the guest are converted where it shows what becomes of those that do not fit.
#![deny(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

mod background;
mod cache;
mod callouts;
mod clock;
mod count;
mod deadline;
mod durations;
mod engine;
mod exports;
mod fault;
mod guest;
mod hints;
mod host;
mod hostcalls;
mod instance;
mod linking;
mod module;
mod platform;
mod pool;
mod precompiled;
mod recovery;
mod roots;
mod shard;
mod spec;
mod stack;
#[cfg(test)]
mod tests;
mod wasi;

pub(crate) use background::Timer;
pub(crate) use cache::{Cache, Sha, sha256};
pub(crate) use guest::{Attached, PluginGuest};
pub(crate) use module::{Compiled, check_imports, check_memory, tell_ruled_out};
pub(crate) use platform::Platform;
pub(crate) use pool::Vm;
pub(crate) use spec::{Environment, PluginSpec, Root, VmSpec};
pub(crate) use stack::is_ample as stack_is_ample;
