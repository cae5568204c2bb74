//! Buffers: bodies and configurations.

use bytes::Bytes;
use wasmtime::Linker;

use super::memory::{give, give_with, widened};
use super::{Call, Outcome, answer, bytes, with_exchange, write_u32};
use crate::abi::{BufferType, Status};
use crate::stream::{Buffer, Direction};
use crate::vm::host::Host;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |mut call: Call<'_>, buffer: u32, start: u32, max: u32, ptr: u32, len: u32| {
            answer(&mut call, |call| {
                get(call, buffer, (start, max), (ptr, len))
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_buffer_bytes",
        |mut call: Call<'_>, buffer: u32, start: u32, size: u32, ptr: u32, len: u32| {
            answer(&mut call, |call| {
                set(call, buffer, (start, size), (ptr, len))
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_buffer_status",
        |mut call: Call<'_>, buffer: u32, size: u32, flags: u32| {
            answer(&mut call, |call| {
                let len = with_buffer(call, BufferType::try_from(buffer)?, |_, buffer| {
                    Ok(buffer.len())
                })?;
                write_u32(
                    call,
                    size,
                    u32::try_from(len).map_err(|_| Status::InternalFailure)?,
                )?;
                write_u32(call, flags, 0)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_configuration",
        |mut call: Call<'_>, ptr: u32, len: u32| {
            answer(&mut call, |call| {
                let configuration = call.data().configuration.clone();
                let bytes = configuration.unwrap_or_else(|| call.data().vm.configuration.clone());
                give(call, (ptr, len), &bytes)
            })
        },
    )?;
    Ok(())
}

/// Guests ask for "all" with the largest length there is: what lies outside is cut off, as in Envoy.
fn get(call: &mut Call<'_>, buffer: u32, (start, max): (u32, u32), out: (u32, u32)) -> Outcome {
    with_buffer(call, BufferType::try_from(buffer)?, |call, buffer| {
        let start = widened(start).min(buffer.len());
        let count = widened(max).min(buffer.len() - start);
        let len = u32::try_from(count).map_err(|_| Status::InternalFailure)?;
        give_with(call, out, len, |place| buffer.copy_to(start, place))
    })
}

/// Only bodies can be changed, and only where a guest has one in hand.
fn set(
    call: &mut Call<'_>,
    buffer: u32,
    (start, count): (u32, u32),
    (ptr, len): (u32, u32),
) -> Outcome {
    let kind = BufferType::try_from(buffer)?;
    let Some(direction) = body_of(kind) else {
        // What is there can only be read.
        with_buffer(call, kind, |_, _| Ok(()))?;
        return Err(Status::BadArgument.into());
    };
    with_exchange(call, |call, exchange| {
        let exchange = exchange.ok_or(Status::BadArgument)?;
        let data = Bytes::copy_from_slice(bytes(call, ptr, len)?);
        if exchange.splice(direction, widened(start), widened(count), data) {
            Ok(())
        } else {
            Err(Status::BadArgument.into())
        }
    })
}

/// What the call that the guest is being told of has for it.
fn of_event(host: &Host, kind: BufferType) -> Option<Bytes> {
    host.calls.event()?.buffer(kind).cloned()
}

const fn body_of(kind: BufferType) -> Option<Direction> {
    match kind {
        BufferType::RequestBody => Some(Direction::Request),
        BufferType::ResponseBody => Some(Direction::Response),
        _ => None,
    }
}

fn with_buffer<R>(
    call: &mut Call<'_>,
    kind: BufferType,
    read: impl FnOnce(&mut Call<'_>, &Buffer) -> Outcome<R>,
) -> Outcome<R> {
    let host = call.data();
    let buffer = match kind {
        BufferType::VmConfiguration => host.vm.configuration.clone().into(),
        BufferType::PluginConfiguration => {
            host.configuration.clone().ok_or(Status::NotFound)?.into()
        }
        BufferType::CallResponseBody => of_event(host, kind).ok_or(Status::NotFound)?.into(),
        BufferType::ForeignArguments => return Err(Status::NotFound.into()),
        // Envoy answers with an empty buffer where there is no such data.
        BufferType::GrpcMessage => of_event(host, kind).unwrap_or_default().into(),
        BufferType::DownstreamData | BufferType::UpstreamData => Buffer::default(),
        BufferType::RequestBody | BufferType::ResponseBody => {
            let direction = body_of(kind).ok_or(Status::BadArgument)?;
            return with_exchange(call, |call, exchange| {
                let none = Buffer::default();
                let buffer = exchange.and_then(|exchange| exchange.buffer(direction));
                read(call, buffer.unwrap_or(&none))
            });
        }
    };
    read(call, &buffer)
}
