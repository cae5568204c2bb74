//! Ticks.

use std::time::Duration;

use wasmtime::Linker;

use super::{Call, answer};
use crate::abi::Status;
use crate::vm::host::Host;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_set_tick_period_milliseconds",
        |mut call: Call<'_>, period: u32| {
            answer(&mut call, |call| {
                let host = call.data();
                // A module's start function runs before there is a context that could tick.
                let root = host.root_context().ok_or(Status::BadArgument)?;
                host.agenda
                    .set_tick(root, Duration::from_millis(period.into()));
                Ok(())
            })
        },
    )?;
    Ok(())
}
