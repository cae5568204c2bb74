//! What compilers have a module import from `env` beside the ABI: AssemblyScript's runtime, and Emscripten's.

use std::fmt::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use wasmtime::{FuncType, Linker};

use super::memory::{bytes, check, widened};
use super::{Call, Outcome};
use crate::limits;
use crate::log::LogLevel;
use crate::vm::host::Host;

/// The guest gave up. Its code does not expect to be entered again.
#[derive(Debug)]
struct Aborted {
    /// What it said about that.
    why: String,
}

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the plugin aborted{}", self.why)
    }
}

impl std::error::Error for Aborted {}

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    assemblyscript(linker)?;
    emscripten(linker)
}

/// Emscripten's `abort`, which says nothing.
pub(super) fn define_variant(linker: &mut Linker<Host>, name: &str, ty: &FuncType) -> bool {
    let is_plain = ty.params().len() == 0 && ty.results().len() == 0;
    let aborted = |_: Call<'_>| -> wasmtime::Result<()> {
        let why = String::new();
        Err(Aborted { why }.into())
    };
    name == "abort" && is_plain && linker.func_wrap("env", name, aborted).is_ok()
}

fn assemblyscript(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "abort",
        |mut call: Call<'_>, message: u32, file: u32, line: u32, column: u32| {
            let message = text(&mut call, message);
            let file = text(&mut call, file);
            let why = format!(": {message} (in {file}:{line}:{column})");
            Err::<(), _>(Aborted { why }.into())
        },
    )?;
    linker.func_wrap(
        "env",
        "trace",
        |mut call: Call<'_>, message: u32, count: u32, a: f64, b: f64, c: f64, d: f64, e: f64| {
            let mut line = text(&mut call, message);
            for number in [a, b, c, d, e].iter().take(widened(count)) {
                let _ = write!(line, " {number}");
            }
            call.data_mut().log(LogLevel::Info, line.as_bytes());
        },
    )?;
    // What its `Math.random` begins with.
    linker.func_wrap("env", "seed", |_: Call<'_>| {
        // 32 bits before the point and 21 behind it: as many as there is room for.
        f64::from(fastrand::u32(..)) + fastrand::f64()
    })?;
    linker.func_wrap("env", "Date.now", |_: Call<'_>| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0.0, |now| (now.as_secs_f64() * 1e3).trunc())
    })?;
    Ok(())
}

/// A string of AssemblyScript: UTF-16, with its length in bytes before it. What is no string is empty.
fn text(call: &mut Call<'_>, ptr: u32) -> String {
    let read = |call: &mut Call<'_>| -> Outcome<String> {
        let length = bytes(call, ptr.wrapping_sub(4), 4)?;
        let length = length.try_into().map_or(0, u32::from_le_bytes);
        check(call, ptr, length)?;
        let length = length.min(u32::try_from(limits::LOG_BYTES).unwrap_or(u32::MAX));
        let units = bytes(call, ptr, length)?.chunks_exact(2);
        let units = units.map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        Ok(char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect())
    };
    read(call).unwrap_or_default()
}

fn emscripten(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "pthread_equal",
        |_: Call<'_>, left: u32, right: u32| u32::from(left == right),
    )?;
    // The host looks at the memory anew in each call.
    linker.func_wrap(
        "env",
        "emscripten_notify_memory_growth",
        |_: Call<'_>, _memory: u32| {},
    )?;
    Ok(())
}
