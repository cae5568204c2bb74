//! WASI preview 1, as far as a plugin has a use for it: clocks, randomness, output as log lines.
//!
//! There is no file system, no socket, no argument. Every function answers as Proxy-Wasm's C++ host does, which Go's
//! runtime and the SDKs were tested with: files do not exist, descriptors but 1 and 2 are not open.

mod files;
mod process;

use wasmtime::Linker;

use super::host::Host;
use super::hostcalls::{Outcome, Stop};

pub(super) use process::Exited;

/// WASI's error numbers, as far as they are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errno {
    Success = 0,
    BadFd = 8,
    Exist = 20,
    Fault = 21,
    Invalid = 28,
    NoEntry = 44,
    NoSys = 52,
    NotSupported = 58,
}

impl Errno {
    #[expect(
        clippy::as_conversions,
        reason = "the discriminants above are the numbers"
    )]
    pub(super) const fn number(self) -> i32 {
        self as i32
    }
}

/// Defines all functions of WASI preview 1 under a module name.
pub(super) fn define(linker: &mut Linker<Host>, module: &str) -> wasmtime::Result<()> {
    files::define(linker, module)?;
    process::define(linker, module)
}

/// Turns the end of a function into what the guest sees: bad memory is a fault.
fn answer(outcome: Outcome<Errno>) -> wasmtime::Result<i32> {
    match outcome {
        Ok(errno) => Ok(errno.number()),
        Err(Stop::Status(_)) => Ok(Errno::Fault.number()),
        Err(Stop::Trap(error)) => Err(error),
    }
}

/// Whether a descriptor is standard output or standard error: nothing else is open.
const fn is_output(fd: u32) -> bool {
    fd == 1 || fd == 2
}

/// Success on the two open descriptors, and "not open" on all others.
const fn on_output(fd: u32) -> Errno {
    if is_output(fd) {
        Errno::Success
    } else {
        Errno::BadFd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_preview_1() {
        let numbers = [
            (Errno::Success, 0),
            (Errno::BadFd, 8),
            (Errno::Exist, 20),
            (Errno::Fault, 21),
            (Errno::Invalid, 28),
            (Errno::NoEntry, 44),
            (Errno::NoSys, 52),
            (Errno::NotSupported, 58),
        ];
        for (errno, number) in numbers {
            assert_eq!(errno.number(), number);
        }
    }
}
