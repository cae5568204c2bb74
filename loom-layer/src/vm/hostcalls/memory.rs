//! The guest's memory, checked. Addresses and lengths come from the guest: sums are made in 64 bits or as checked ranges.

use std::sync::Arc;

use super::{Call, Outcome, Stop};
use crate::abi::Status;
use crate::limits;

/// The guest's whole memory.
fn all<'a>(call: &'a mut Call<'_>) -> Outcome<&'a mut [u8]> {
    // A start function of the module itself runs before the instance is known; its memory is then asked for by name.
    let memory = match call.data().memory {
        Some(memory) => memory,
        None => call
            .get_export("memory")
            .and_then(wasmtime::Extern::into_memory)
            .ok_or(Status::InvalidMemoryAccess)?,
    };
    Ok(memory.data_mut(call))
}

/// A number of the guest, as one of the host. Where that has no room for it, it is more than anything there is.
pub(super) fn widened(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn range(memory: &[u8], ptr: u32, len: u32) -> Outcome<std::ops::Range<usize>> {
    let start = widened(ptr);
    let end = start
        .checked_add(widened(len))
        .ok_or(Status::InvalidMemoryAccess)?;
    if end > memory.len() {
        return Err(Status::InvalidMemoryAccess.into());
    }
    Ok(start..end)
}

/// A range that the host copies, so that it is bounded. Nothing has no address: (anything, 0) is empty.
fn argument(memory: &[u8], (ptr, len): (u32, u32)) -> Outcome<std::ops::Range<usize>> {
    if len == 0 {
        return Ok(0..0);
    }
    let range = range(memory, ptr, len)?;
    if range.len() > limits::ARGUMENT_BYTES {
        return Err(Status::BadArgument.into());
    }
    Ok(range)
}

/// Whether there are bytes at an address, however many.
pub(super) fn check(call: &mut Call<'_>, ptr: u32, len: u32) -> Outcome {
    if len > 0 {
        range(all(call)?, ptr, len)?;
    }
    Ok(())
}

/// The bytes at an address.
pub(in super::super) fn bytes<'a>(call: &'a mut Call<'_>, ptr: u32, len: u32) -> Outcome<&'a [u8]> {
    let memory = all(call)?;
    let range = argument(memory, (ptr, len))?;
    Ok(&memory[range])
}

/// Two arguments at once.
pub(super) fn two<'a>(
    call: &'a mut Call<'_>,
    a: (u32, u32),
    b: (u32, u32),
) -> Outcome<(&'a [u8], &'a [u8])> {
    let memory = all(call)?;
    let (a, b) = (argument(memory, a)?, argument(memory, b)?);
    let memory = &*memory;
    Ok((&memory[a], &memory[b]))
}

/// Bytes of the guest, to be written.
pub(in super::super) fn bytes_mut<'a>(
    call: &'a mut Call<'_>,
    ptr: u32,
    len: u32,
) -> Outcome<&'a mut [u8]> {
    let memory = all(call)?;
    let range = range(memory, ptr, len)?;
    Ok(&mut memory[range])
}

/// Writes a number where the guest wants it; the address need not be aligned.
pub(in super::super) fn write_u32(call: &mut Call<'_>, ptr: u32, value: u32) -> Outcome {
    bytes_mut(call, ptr, 4)?.copy_from_slice(&value.to_le_bytes());
    Ok(())
}

/// Writes a number where the guest wants it; the address need not be aligned.
pub(in super::super) fn write_u64(call: &mut Call<'_>, ptr: u32, value: u64) -> Outcome {
    bytes_mut(call, ptr, 8)?.copy_from_slice(&value.to_le_bytes());
    Ok(())
}

/// Gives the guest bytes of its own: the guest's allocator finds room for `len`, `fill` writes them, and address and
/// length go to where the guest wants them.
pub(super) fn give_with(
    call: &mut Call<'_>,
    (ptr_out, len_out): (u32, u32),
    len: u32,
    fill: impl FnOnce(&mut [u8]) -> bool,
) -> Outcome {
    let ptr = place_with(call, len, fill)?;
    write_u32(call, ptr_out, ptr)?;
    write_u32(call, len_out, len)
}

/// Writes bytes to where the guest's allocator finds room for them. Nothing is at the null pointer, and the allocator is
/// not called for it.
pub(super) fn place_with(
    call: &mut Call<'_>,
    len: u32,
    fill: impl FnOnce(&mut [u8]) -> bool,
) -> Outcome<u32> {
    if len == 0 {
        return Ok(0);
    }
    let ptr = allocate(call, len)?;
    if !fill(bytes_mut(call, ptr, len)?) {
        return Err(Status::InternalFailure.into());
    }
    Ok(ptr)
}

/// Gives the guest a copy of these bytes.
pub(super) fn give(call: &mut Call<'_>, out: (u32, u32), bytes: &[u8]) -> Outcome {
    let len = u32::try_from(bytes.len()).map_err(|_| Status::InternalFailure)?;
    give_with(call, out, len, |place| {
        place.copy_from_slice(bytes);
        true
    })
}

fn allocate(call: &mut Call<'_>, len: u32) -> Outcome<u32> {
    let allocator = call
        .data()
        .allocator
        .as_ref()
        .map(Arc::clone)
        .ok_or(Status::InternalFailure)?;
    call.data_mut().allocating = true;
    let result = allocator.call(&mut *call, len);
    call.data_mut().allocating = false;
    match result {
        Ok(0) => Err(Status::InvalidMemoryAccess.into()),
        Ok(ptr) => Ok(ptr),
        Err(error) => Err(Stop::Trap(error)),
    }
}
