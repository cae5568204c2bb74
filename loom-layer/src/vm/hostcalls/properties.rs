//! Properties.

use wasmtime::Linker;

use super::memory::{give, two};
use super::{Call, Outcome, answer, bytes, with_exchange};
use crate::abi::Status;
use crate::limits;
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
    let path = bytes(call, path, path_len)?.to_vec();
    with_exchange(call, |call, exchange| {
        let value = stream::property(
            &path,
            call.data().names(),
            exchange.map(|exchange| &*exchange),
        )
        .map(std::borrow::Cow::into_owned)
        .ok_or(Status::NotFound)?;
        give(call, out, &value)
    })
}

/// Stored along the stream, for every plugin of the chain.
fn set(call: &mut Call<'_>, path: (u32, u32), value: (u32, u32)) -> Outcome {
    with_exchange(call, |call, exchange| {
        let exchange = exchange.ok_or(Status::NotFound)?;
        let (path, value) = two(call, path, value)?;
        let replaced = exchange
            .properties
            .get(path)
            .map_or(0, |value| path.len() + value.len());
        let stored: usize = exchange
            .properties
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        if stored - replaced + path.len() + value.len() > limits::PROPERTY_BYTES {
            return Err(Status::BadArgument.into());
        }
        exchange.properties.insert(path.to_vec(), value.to_vec());
        Ok(())
    })
}
