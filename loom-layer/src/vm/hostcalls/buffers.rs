//! Buffers: of these, the configurations.

use bytes::Bytes;
use wasmtime::Linker;

use super::memory::give;
use super::{Call, Outcome, answer, write_u32};
use crate::abi::{BufferType, Status};
use crate::vm::host::Host;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |mut call: Call<'_>, buffer: u32, start: u32, max: u32, ptr: u32, len: u32| {
            answer(&mut call, |call| get(call, buffer, start, max, (ptr, len)))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_buffer_status",
        |mut call: Call<'_>, buffer: u32, size: u32, flags: u32| {
            answer(&mut call, |call| {
                let bytes = buffer_of(call, BufferType::try_from(buffer)?)?;
                write_u32(
                    call,
                    size,
                    u32::try_from(bytes.len()).map_err(|_| Status::InternalFailure)?,
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

fn get(call: &mut Call<'_>, buffer: u32, start: u32, max: u32, out: (u32, u32)) -> Outcome {
    let bytes = buffer_of(call, BufferType::try_from(buffer)?)?;
    // Guests ask for "all" with the largest length there is: what lies outside is cut off, as in Envoy.
    let start = (start as usize).min(bytes.len());
    let end = start.saturating_add(max as usize).min(bytes.len());
    give(call, out, &bytes[start..end])
}

fn buffer_of(call: &Call<'_>, kind: BufferType) -> Result<Bytes, Status> {
    let host = call.data();
    match kind {
        BufferType::VmConfiguration => Ok(host.vm.configuration.clone()),
        BufferType::PluginConfiguration => host.configuration.clone().ok_or(Status::NotFound),
        BufferType::CallResponseBody | BufferType::ForeignArguments => Err(Status::NotFound),
        // Envoy answers with an empty buffer where there is no such data.
        BufferType::RequestBody
        | BufferType::ResponseBody
        | BufferType::DownstreamData
        | BufferType::UpstreamData
        | BufferType::GrpcMessage => Ok(Bytes::new()),
    }
}
