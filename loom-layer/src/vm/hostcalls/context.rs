//! Contexts.

use wasmtime::Linker;

use super::{Call, answer};
use crate::abi::Status;
use crate::vm::host::{Host, NO_CONTEXT};

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_set_effective_context",
        |mut call: Call<'_>, context: u32| {
            answer(&mut call, |call| {
                let host = call.data_mut();
                let known =
                    host.streams.contains_key(&context) || host.roots.contains_key(&context);
                // Envoy knows the VM itself as context 0; nothing can be done with it.
                if !known && context != NO_CONTEXT {
                    return Err(Status::BadArgument.into());
                }
                host.effective = context;
                Ok(())
            })
        },
    )?;
    linker.func_wrap("env", "proxy_done", |mut call: Call<'_>| {
        answer(&mut call, |call| {
            let host = call.data_mut();
            let effective = host.effective;
            match host.roots.get_mut(&effective) {
                Some(root) if root.done_pending => {
                    root.done = true;
                    host.root_done = true;
                    Ok(())
                }
                _ => Err(Status::NotFound.into()),
            }
        })
    })?;
    Ok(())
}
