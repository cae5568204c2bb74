//! Shared data.

use bytes::Bytes;
use wasmtime::Linker;

use super::memory::{give, two};
use super::{Call, Outcome, answer, bytes, write_u32};
use crate::abi::Status;
use crate::shared::DataRefused;
use crate::vm::host::Host;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_shared_data",
        |mut call: Call<'_>, key: u32, key_len: u32, ptr: u32, len: u32, cas: u32| {
            answer(&mut call, |call| get(call, (key, key_len), (ptr, len), cas))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_shared_data",
        |mut call: Call<'_>, key: u32, key_len: u32, value: u32, value_len: u32, cas: u32| {
            answer(&mut call, |call| {
                set(call, (key, key_len), (value, value_len), cas)
            })
        },
    )?;
    Ok(())
}

fn get(call: &mut Call<'_>, (key, key_len): (u32, u32), out: (u32, u32), cas: u32) -> Outcome {
    let (shared, vm) = call.data().shared();
    let key = bytes(call, key, key_len)?;
    let stored = shared.data.get(&vm.vm_id, key).ok_or(Status::NotFound)?;
    give(call, out, &stored.value)?;
    write_u32(call, cas, stored.cas)
}

fn set(call: &mut Call<'_>, key: (u32, u32), value: (u32, u32), cas: u32) -> Outcome {
    let (shared, vm) = call.data().shared();
    let (key, value) = two(call, key, value)?;
    let value = Bytes::copy_from_slice(value);
    match shared.data.set(&vm.vm_id, key, value, cas) {
        Ok(()) => Ok(()),
        Err(DataRefused::Mismatch) => Err(Status::CasMismatch.into()),
        Err(DataRefused::Full) => {
            call.data_mut().warn_once(
                "proxy_set_shared_data is refused with CAS_MISMATCH: the key or the value is too long, or the shared data of its vm_id is full",
            );
            // The Rust SDK panics at any other.
            Err(Status::CasMismatch.into())
        }
    }
}
