//! Clocks, randomness, arguments, environment, scheduling, and the end of the process.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use wasmtime::Linker;

use super::super::host::Host;
use super::super::hostcalls::{Call, Outcome, bytes_mut, write_u32, write_u64};
use super::{Errno, answer};
use crate::limits;

/// The guest ended itself: a failure, whatever its exit code, but in `_start`.
#[derive(Debug)]
pub(in super::super) struct Exited {
    code: i32,
}

impl Exited {
    pub(in super::super) fn is_success(&self) -> bool {
        self.code == 0
    }
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
    linker.func_wrap(module, "sched_yield", |_: Call<'_>| Errno::Success.number())?;
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
        Errno::NotSupported.number()
    })?;
    linker.func_wrap(
        module,
        "args_sizes_get",
        |mut call: Call<'_>, count: u32, size: u32| answer(sizes(&mut call, &[], count, size)),
    )?;
    linker.func_wrap(
        module,
        "args_get",
        |_: Call<'_>, _pointers: u32, _buffer: u32| Errno::Success.number(),
    )?;
    linker.func_wrap(
        module,
        "environ_sizes_get",
        |mut call: Call<'_>, count: u32, size: u32| {
            let variables = environment(&call);
            answer(sizes(&mut call, &variables, count, size))
        },
    )?;
    linker.func_wrap(
        module,
        "environ_get",
        |mut call: Call<'_>, pointers: u32, buffer: u32| {
            let variables = environment(&call);
            answer(hand_over(&mut call, &variables, pointers, buffer))
        },
    )?;
    Ok(())
}

fn environment(call: &Call<'_>) -> Bytes {
    call.data().vm.environment.bytes().clone()
}

/// How many strings there are, each with a NUL at its end, and how many bytes they take.
fn sizes(call: &mut Call<'_>, strings: &[u8], count: u32, size: u32) -> Outcome<Errno> {
    write_u32(call, count, number(strings.split_inclusive(is_end).count()))?;
    write_u32(call, size, number(strings.len()))?;
    Ok(Errno::Success)
}

/// Writes strings into `buffer`, and where each of them begins from `pointers` on.
fn hand_over(call: &mut Call<'_>, strings: &[u8], pointers: u32, buffer: u32) -> Outcome<Errno> {
    bytes_mut(call, buffer, number(strings.len()))?.copy_from_slice(strings);
    let (mut pointer, mut at) = (pointers, buffer);
    for string in strings.split_inclusive(is_end) {
        write_u32(call, pointer, at)?;
        pointer = pointer.wrapping_add(4);
        at = at.wrapping_add(number(string.len()));
    }
    Ok(Errno::Success)
}

const fn is_end(byte: &u8) -> bool {
    *byte == 0
}

fn number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
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
