//! The status of the last event.

use wasmtime::Linker;

use super::memory::give;
use super::{Call, answer, write_u32};
use crate::vm::host::Host;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_status",
        |mut call: Call<'_>, code: u32, ptr: u32, len: u32| {
            answer(&mut call, |call| {
                // Only the ends of calls to other services have one. Without such an end it is OK without a text.
                let event = call.data().calls.event();
                let (status, text) = event.map_or_else(Default::default, |event| event.status());
                write_u32(call, code, status)?;
                give(call, (ptr, len), &text)
            })
        },
    )?;
    Ok(())
}
