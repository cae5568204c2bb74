//! Foreign functions.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::Linker;

use super::memory::{place_with, two};
use super::stream::reroute;
use super::{Call, Outcome, answer, write_u32};
use crate::abi::Status;
use crate::foreign::{ForeignCall, ForeignError, ForeignResult};
use crate::log::LogLevel;
use crate::vm::host::Host;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_call_foreign_function",
        |mut call: Call<'_>,
         name: u32,
         name_len: u32,
         arguments: u32,
         arguments_len: u32,
         ptr: u32,
         len: u32| {
            answer(&mut call, |call| {
                let result = run(call, (name, name_len), (arguments, arguments_len))?;
                hand_over(call, (ptr, len), &result)
            })
        },
    )?;
    Ok(())
}

fn run(call: &mut Call<'_>, name: (u32, u32), arguments: (u32, u32)) -> Outcome<Bytes> {
    let host = call.data();
    let functions = Arc::clone(&host.foreign);
    let plugin = Arc::clone(host.plugin());
    let (name, arguments) = two(call, name, arguments)?;
    match functions.run(name, &ForeignCall::new(&plugin, arguments)) {
        ForeignResult::Done(result) => Ok(result.map_err(Status::from)?),
        // Envoy's name for what version 0.1.0 has as a function of its own. It acts on the stream, as no other one does.
        ForeignResult::Unknown if name == b"clear_route_cache" => {
            reroute(call);
            Ok(Bytes::new())
        }
        ForeignResult::Unknown => Err(Status::NotFound.into()),
        ForeignResult::Panicked => {
            let name = String::from_utf8_lossy(name);
            let message = format!("the foreign function `{name}` panicked");
            call.data_mut().log(LogLevel::Error, message.as_bytes());
            Err(Status::InternalFailure.into())
        }
    }
}

/// The one place where a guest may pass null for where results go: it does not want them.
fn hand_over(call: &mut Call<'_>, (ptr, len): (u32, u32), result: &[u8]) -> Outcome {
    let size = u32::try_from(result.len()).map_err(|_| Status::InternalFailure)?;
    if ptr != 0 {
        let place = place_with(call, size, |place| {
            place.copy_from_slice(result);
            true
        })?;
        write_u32(call, ptr, place)?;
    }
    if len != 0 {
        write_u32(call, len, size)?;
    }
    Ok(())
}

impl From<ForeignError> for Status {
    fn from(error: ForeignError) -> Self {
        match error {
            ForeignError::NotFound => Self::NotFound,
            ForeignError::BadArgument => Self::BadArgument,
            ForeignError::Serialization => Self::SerializationFailure,
            ForeignError::Internal => Self::InternalFailure,
        }
    }
}
