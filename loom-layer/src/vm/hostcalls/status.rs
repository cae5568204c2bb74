//! The status of the last event.

use wasmtime::Linker;

use super::memory::give;
use super::{Call, answer, write_u32};
use crate::callout::CallResult;
use crate::vm::host::Host;

/// The code for a call without a response (Envoy's `BrokenConnection`).
const RESET: u32 = 11;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_status",
        |mut call: Call<'_>, code: u32, ptr: u32, len: u32| {
            answer(&mut call, |call| {
                // Only the ends of calls to other services have one. Without such an end it is OK without a text.
                let (status, text): (u32, &[u8]) = match call.data().calls.answer().as_deref() {
                    Some(CallResult::Reset) => (RESET, b"reset"),
                    Some(CallResult::Response { .. }) | None => (0, b""),
                };
                write_u32(call, code, status)?;
                give(call, (ptr, len), text)
            })
        },
    )?;
    Ok(())
}
