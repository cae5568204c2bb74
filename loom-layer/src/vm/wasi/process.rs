//! Clocks, randomness, arguments, environment, scheduling, and the end of the process.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use wasmtime::Linker;

use super::super::host::Host;
use super::super::hostcalls::{Call, Outcome, bytes_mut, write_u32, write_u64};
use super::{Errno, answer};
use crate::limits;

/// The guest ended itself: for a plugin that is a failure, whatever its exit code.
#[derive(Debug)]
pub(in super::super) struct Exited {
    code: i32,
}

impl fmt::Display for Exited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the plugin ended itself with exit code {}", self.code)
    }
}

impl std::error::Error for Exited {}

pub(super) fn define(linker: &mut Linker<Host>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "clock_time_get",
        |mut call: Call<'_>, clock: u32, _precision: u64, out: u32| {
            answer(clock_time_get(&mut call, clock, out))
        },
    )?;
    linker.func_wrap(
        module,
        "clock_res_get",
        |mut call: Call<'_>, clock: u32, out: u32| {
            answer(match clock {
                0 | 1 => write_u64(&mut call, out, 1).map(|()| Errno::Success),
                _ => Ok(Errno::NotSupported),
            })
        },
    )?;
    linker.func_wrap(
        module,
        "random_get",
        |mut call: Call<'_>, ptr: u32, len: u32| answer(random_get(&mut call, ptr, len)),
    )?;
    linker.func_wrap(module, "sched_yield", |_: Call<'_>| Errno::Success as i32)?;
    // No event ever happens; Go's runtime polls here, even from inside its allocator, and takes any error for fatal.
    linker.func_wrap(
        module,
        "poll_oneoff",
        |mut call: Call<'_>, _in: u32, _out: u32, _n: u32, events: u32| {
            answer(write_u32(&mut call, events, 0).map(|()| Errno::Success))
        },
    )?;
    linker.func_wrap(
        module,
        "proc_exit",
        |_: Call<'_>, code: i32| -> wasmtime::Result<()> { Err(Exited { code }.into()) },
    )?;
    linker.func_wrap(module, "proc_raise", |_: Call<'_>, _signal: u32| {
        Errno::NotSupported as i32
    })?;
    for name in ["args_sizes_get", "environ_sizes_get"] {
        linker.func_wrap(module, name, |mut call: Call<'_>, count: u32, size: u32| {
            answer(nothing(&mut call, count, size))
        })?;
    }
    for name in ["args_get", "environ_get"] {
        linker.func_wrap(module, name, |_: Call<'_>, _pointers: u32, _buffer: u32| {
            Errno::Success as i32
        })?;
    }
    Ok(())
}

fn clock_time_get(call: &mut Call<'_>, clock: u32, out: u32) -> Outcome<Errno> {
    static START: OnceLock<Instant> = OnceLock::new();
    let time = match clock {
        0 => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
        // Never zero: some runtimes take that for "no clock".
        1 => START.get_or_init(Instant::now).elapsed() + std::time::Duration::from_nanos(1),
        _ => return Ok(Errno::NotSupported),
    };
    write_u64(
        call,
        out,
        u64::try_from(time.as_nanos()).unwrap_or(u64::MAX),
    )?;
    Ok(Errno::Success)
}

fn random_get(call: &mut Call<'_>, ptr: u32, len: u32) -> Outcome<Errno> {
    if len > limits::RANDOM_BYTES {
        return Ok(Errno::Invalid);
    }
    let mut rest = bytes_mut(call, ptr, len)?;
    while !rest.is_empty() {
        match rustix::rand::getrandom(&mut *rest, rustix::rand::GetRandomFlags::empty()) {
            Ok(filled) => rest = &mut rest[filled..],
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Ok(Errno::NoSys),
        }
    }
    Ok(Errno::Success)
}

fn nothing(call: &mut Call<'_>, count: u32, size: u32) -> Outcome<Errno> {
    write_u32(call, count, 0)?;
    write_u32(call, size, 0)?;
    Ok(Errno::Success)
}
