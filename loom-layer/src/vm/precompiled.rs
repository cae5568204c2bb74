//! The one place that loads machine code which this process did not compile itself.

use wasmtime::{Engine, Module};

use super::cache::Verified;

/// Loads compiled code that the cache has verified.
#[allow(unsafe_code)]
pub(super) fn load(engine: &Engine, code: &Verified) -> wasmtime::Result<Module> {
    // SAFETY: `deserialize` runs whatever it is given as machine code, so the bytes have to come unchanged from
    // `Module::serialize` of this wasmtime version. `Verified` is only made by the cache, and only of a file that belongs
    // to this user, that nobody else can write, in a directory of which the same is true, whose digest matches and which
    // carries the key of this very code, engine version, settings and CPU. wasmtime checks version and settings again.
    unsafe { Module::deserialize(engine, code.bytes()) }
}
