//! The stack of the calling thread: wasmtime bounds the guest's part of it, but ends the process when there is less.

use super::fault::Fault;
use crate::afterwards::afterwards;
use crate::limits;

const TOO_SMALL: &str =
    "the thread's stack is too small for a plugin; give the threads of the runtime more";

/// More than the frames between a decision and the guest call that it is about.
const FRAMES: usize = 64 << 10;

/// Whether there is room for a guest call, as far as that is known. If not, that is logged.
pub(super) fn suffices() -> bool {
    let Some(left) = shortage() else {
        return true;
    };
    afterwards(
        move || tracing::error!(target: "loom::vm", left, needed = limits::STACK_LEFT, "{TOO_SMALL}"),
    );
    false
}

/// Whether there is room for a guest call some frames further down, too.
pub(crate) fn is_ample() -> bool {
    stacker::remaining_stack().is_none_or(|left| left >= limits::STACK_LEFT + FRAMES)
}

/// As [`suffices`], for a plugin that is being started.
pub(super) fn check(callback: &'static str) -> Result<(), Fault> {
    match shortage() {
        None => Ok(()),
        Some(left) => {
            let cause = format!(
                "{TOO_SMALL} ({left} bytes are left, {} needed)",
                limits::STACK_LEFT
            );
            Err(Fault::host(callback, cause))
        }
    }
}

/// How much there is, if that is not enough.
fn shortage() -> Option<usize> {
    stacker::remaining_stack().filter(|&left| left < limits::STACK_LEFT)
}
