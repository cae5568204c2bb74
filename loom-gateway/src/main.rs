//! The binary `loom`. Everything it does is in the library, where it can be tested.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A request makes some dozens of small allocations, and a response body is often freed by another thread than made it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    loom_gateway::cli::run(std::env::args_os())
}
