//! Properties.

use smallvec::SmallVec;
use wasmtime::Linker;

use super::memory::{give, two};
use super::{Call, Outcome, answer, bytes, with_exchange};
use crate::abi::Status;
use crate::stream;
use crate::vm::host::Host;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_property",
        |mut call: Call<'_>, path: u32, path_len: u32, ptr: u32, len: u32| {
            answer(&mut call, |call| get(call, (path, path_len), (ptr, len)))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_property",
        |mut call: Call<'_>, path: u32, path_len: u32, value: u32, value_len: u32| {
            answer(&mut call, |call| {
                set(call, (path, path_len), (value, value_len))
            })
        },
    )?;
    Ok(())
}

fn get(call: &mut Call<'_>, (path, path_len): (u32, u32), out: (u32, u32)) -> Outcome {
    let path = bytes(call, path, path_len)?;
    let path: SmallVec<[u8; 64]> = SmallVec::from_slice(path);
    if let Some(own) = call.data().own_property(&path) {
        return give(call, out, own.as_bytes());
    }
    with_exchange(call, |call, exchange| {
        let value = exchange.and_then(|exchange| stream::property(&path, exchange));
        give(call, out, &value.ok_or(Status::NotFound)?)
    })
}

/// Stored along the stream, for every plugin that it passes.
fn set(call: &mut Call<'_>, path: (u32, u32), value: (u32, u32)) -> Outcome {
    with_exchange(call, |call, exchange| {
        let exchange = exchange.ok_or(Status::NotFound)?;
        let (path, value) = two(call, path, value)?;
        if exchange.store(path, value) {
            Ok(())
        } else {
            Err(Status::BadArgument.into())
        }
    })
}
