//! The wasmtime engine: which WebAssembly is accepted, and how a guest call is kept within its time.

use wasmtime::{Config, Engine, OptLevel};

use crate::limits;

/// An engine for Proxy-Wasm modules.
pub(crate) fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        // A guest call ends at its deadline even inside an endless loop.
        .epoch_interruption(true)
        .max_wasm_stack(limits::WASM_STACK)
        .cranelift_opt_level(OptLevel::Speed)
        // The ABI knows 32-bit addresses and one memory.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        // A trap names the functions that led to it.
        .generate_address_map(true);
    Engine::new(&config)
}
