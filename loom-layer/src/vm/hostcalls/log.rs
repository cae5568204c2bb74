//! Logging and time.

use std::time::{SystemTime, UNIX_EPOCH};

use wasmtime::Linker;

use super::memory::check;
use super::{Call, Outcome, Stop, answer, bytes, write_u32, write_u64};
use crate::abi::Status;
use crate::limits;
use crate::log::LogLevel;
use crate::vm::host::Host;

/// What `proxy_get_log_level` answers when nothing at all is logged (Envoy's "off").
const OFF: u32 = 6;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_log",
        |mut call: Call<'_>, level: u32, ptr: u32, len: u32| {
            // The one function that an allocator may call, so it does not go through `answer`.
            match log(&mut call, level, ptr, len) {
                Ok(()) => Ok(u32::from(Status::Ok)),
                Err(Stop::Status(status)) => Ok(status.into()),
                Err(Stop::Trap(error)) => Err(error),
            }
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_log_level",
        |mut call: Call<'_>, out: u32| {
            answer(&mut call, |call| {
                let level = call.data().log_level().map_or(OFF, LogLevel::to_abi);
                write_u32(call, out, level)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_current_time_nanoseconds",
        |mut call: Call<'_>, out: u32| {
            answer(&mut call, |call| {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                write_u64(call, out, u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
            })
        },
    )?;
    Ok(())
}

fn log(call: &mut Call<'_>, level: u32, ptr: u32, len: u32) -> Outcome {
    let level = LogLevel::from_abi(level).ok_or(Status::BadArgument)?;
    // Whatever the level: a guest must not learn it from the status.
    check(call, ptr, len)?;
    if !call.data().logs_at(level) {
        return Ok(());
    }
    // A line is cut where the log would cut it, so that no more is copied.
    let message = bytes(
        call,
        ptr,
        len.min(u32::try_from(limits::LOG_BYTES).unwrap_or(u32::MAX)),
    )?
    .to_vec();
    call.data_mut().log(level, &message);
    Ok(())
}
