//! Descriptors, paths and sockets: output becomes log lines, and nothing else exists.

use wasmtime::Linker;

use super::super::host::Host;
use super::super::hostcalls::{Call, Outcome, bytes, bytes_mut, write_u32, write_u64};
use super::{Errno, answer, is_output, on_output};
use crate::limits;
use crate::log::LogLevel;

/// The right to write (`fd_write`), the only one that the two open descriptors have.
const RIGHT_FD_WRITE: u64 = 64;

pub(super) fn define(linker: &mut Linker<Host>, module: &str) -> wasmtime::Result<()> {
    output(linker, module)?;
    descriptors(linker, module)?;
    paths(linker, module)?;
    sockets(linker, module)
}

fn output(linker: &mut Linker<Host>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "fd_write",
        |mut call: Call<'_>, fd: u32, iovs: u32, count: u32, out: u32| {
            answer(write(&mut call, fd, (iovs, count), out))
        },
    )?;
    linker.func_wrap(
        module,
        "fd_pwrite",
        |mut call: Call<'_>, fd: u32, iovs: u32, count: u32, _offset: u64, out: u32| {
            answer(write(&mut call, fd, (iovs, count), out))
        },
    )?;
    Ok(())
}

/// One call is one line: on standard output at level info, on standard error at level error, as in Envoy.
fn write(call: &mut Call<'_>, fd: u32, (iovs, count): (u32, u32), out: u32) -> Outcome<Errno> {
    let level = match fd {
        1 => LogLevel::Info,
        2 => LogLevel::Error,
        _ => return Ok(Errno::BadFd),
    };
    let Some(size) = count.checked_mul(8) else {
        return Ok(Errno::Invalid);
    };
    let vectors = bytes(call, iovs, size)?.to_vec();
    let mut line = Vec::new();
    let mut written = 0_u32;
    for vector in vectors.chunks_exact(8) {
        let (ptr, len) = vector.split_at(4);
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, u32::from_le_bytes);
        let part = bytes(call, number(ptr), number(len))?;
        written = written.saturating_add(number(len));
        let room = limits::LOG_BYTES.saturating_sub(line.len());
        line.extend_from_slice(&part[..part.len().min(room)]);
    }
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    if !line.is_empty() {
        call.data_mut().log(level, line);
    }
    write_u32(call, out, written)?;
    Ok(Errno::Success)
}

fn descriptors(linker: &mut Linker<Host>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "fd_read",
        |_: Call<'_>, _: u32, _: u32, _: u32, _: u32| Errno::NoSys.number(),
    )?;
    linker.func_wrap(
        module,
        "fd_pread",
        |_: Call<'_>, _: u32, _: u32, _: u32, _: u64, _: u32| Errno::NoSys.number(),
    )?;
    linker.func_wrap(
        module,
        "fd_seek",
        |_: Call<'_>, _: u32, _: u64, _: u32, _: u32| Errno::Success.number(),
    )?;
    linker.func_wrap(module, "fd_close", |_: Call<'_>, _: u32| {
        Errno::Success.number()
    })?;
    linker.func_wrap(
        module,
        "fd_tell",
        |mut call: Call<'_>, fd: u32, out: u32| {
            answer(if is_output(fd) {
                write_u64(&mut call, out, 0).map(|()| Errno::Success)
            } else {
                Ok(Errno::BadFd)
            })
        },
    )?;
    linker.func_wrap(
        module,
        "fd_fdstat_get",
        |mut call: Call<'_>, fd: u32, out: u32| answer(fdstat(&mut call, fd, out)),
    )?;
    linker.func_wrap(
        module,
        "fd_fdstat_set_flags",
        |_: Call<'_>, _: u32, _: u32| Errno::NoSys.number(),
    )?;
    linker.func_wrap(
        module,
        "fd_fdstat_set_rights",
        |_: Call<'_>, fd: u32, _: u64, _: u64| on_output(fd).number(),
    )?;
    linker.func_wrap(
        module,
        "fd_allocate",
        |_: Call<'_>, fd: u32, _: u64, _: u64| on_output(fd).number(),
    )?;
    linker.func_wrap(
        module,
        "fd_advise",
        |_: Call<'_>, _: u32, _: u64, _: u64, _: u32| Errno::Success.number(),
    )?;
    linker.func_wrap(module, "fd_datasync", |_: Call<'_>, fd: u32| {
        on_output(fd).number()
    })?;
    linker.func_wrap(module, "fd_sync", |_: Call<'_>, fd: u32| {
        on_output(fd).number()
    })?;
    linker.func_wrap(module, "fd_filestat_get", |_: Call<'_>, _: u32, _: u32| {
        Errno::BadFd.number()
    })?;
    linker.func_wrap(
        module,
        "fd_filestat_set_size",
        |_: Call<'_>, fd: u32, _: u64| on_output(fd).number(),
    )?;
    linker.func_wrap(
        module,
        "fd_filestat_set_times",
        |_: Call<'_>, fd: u32, _: u64, _: u64, _: u32| on_output(fd).number(),
    )?;
    linker.func_wrap(
        module,
        "fd_readdir",
        |mut call: Call<'_>, _: u32, _: u32, _: u32, _: u64, out: u32| {
            answer(write_u32(&mut call, out, 0).map(|()| Errno::Exist))
        },
    )?;
    linker.func_wrap(module, "fd_renumber", |_: Call<'_>, from: u32, _: u32| {
        if from < 3 {
            Errno::NotSupported.number()
        } else {
            Errno::BadFd.number()
        }
    })?;
    // Go looks for directories at every descriptor from 3 on until it is told that one is not open.
    linker.func_wrap(module, "fd_prestat_get", |_: Call<'_>, _: u32, _: u32| {
        Errno::BadFd.number()
    })?;
    linker.func_wrap(
        module,
        "fd_prestat_dir_name",
        |_: Call<'_>, _: u32, _: u32, _: u32| Errno::NoSys.number(),
    )?;
    Ok(())
}

fn fdstat(call: &mut Call<'_>, fd: u32, out: u32) -> Outcome<Errno> {
    if !is_output(fd) {
        return Ok(Errno::BadFd);
    }
    let stat = bytes_mut(call, out, 24)?;
    stat.fill(0);
    stat[8..16].copy_from_slice(&RIGHT_FD_WRITE.to_le_bytes());
    Ok(Errno::Success)
}

fn paths(linker: &mut Linker<Host>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "path_open",
        |_: Call<'_>, _: u32, _: u32, _: u32, _: u32, _: u32, _: u64, _: u64, _: u32, _: u32| {
            Errno::NoEntry.number()
        },
    )?;
    linker.func_wrap(
        module,
        "path_filestat_get",
        |_: Call<'_>, _: u32, _: u32, _: u32, _: u32, _: u32| Errno::NotSupported.number(),
    )?;
    linker.func_wrap(
        module,
        "path_filestat_set_times",
        |_: Call<'_>, _: u32, _: u32, _: u32, _: u32, _: u64, _: u64, _: u32| {
            Errno::NotSupported.number()
        },
    )?;
    for name in [
        "path_create_directory",
        "path_remove_directory",
        "path_unlink_file",
    ] {
        linker.func_wrap(module, name, |_: Call<'_>, _: u32, _: u32, _: u32| {
            Errno::NotSupported.number()
        })?;
    }
    linker.func_wrap(
        module,
        "path_readlink",
        |mut call: Call<'_>, _: u32, _: u32, _: u32, _: u32, _: u32, out: u32| {
            answer(write_u32(&mut call, out, 0).map(|()| Errno::NotSupported))
        },
    )?;
    linker.func_wrap(
        module,
        "path_rename",
        |_: Call<'_>, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32| Errno::NotSupported.number(),
    )?;
    linker.func_wrap(
        module,
        "path_link",
        |_: Call<'_>, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32| {
            Errno::NotSupported.number()
        },
    )?;
    linker.func_wrap(
        module,
        "path_symlink",
        |_: Call<'_>, _: u32, _: u32, _: u32, _: u32, _: u32| Errno::NotSupported.number(),
    )?;
    Ok(())
}

fn sockets(linker: &mut Linker<Host>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "sock_accept",
        |_: Call<'_>, _: u32, _: u32, _: u32| Errno::NotSupported.number(),
    )?;
    linker.func_wrap(
        module,
        "sock_recv",
        |_: Call<'_>, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32| Errno::NotSupported.number(),
    )?;
    linker.func_wrap(
        module,
        "sock_send",
        |_: Call<'_>, _: u32, _: u32, _: u32, _: u32, _: u32| Errno::NotSupported.number(),
    )?;
    linker.func_wrap(module, "sock_shutdown", |_: Call<'_>, _: u32, _: u32| {
        Errno::NotSupported.number()
    })?;
    Ok(())
}
