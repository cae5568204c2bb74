//! The binary `loom`. Everything it does is in the library, where it can be tested.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    loom_gateway::cli::run(std::env::args_os())
}
