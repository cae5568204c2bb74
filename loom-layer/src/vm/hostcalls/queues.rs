//! Shared queues.

use bytes::Bytes;
use wasmtime::Linker;

use super::memory::{give, two};
use super::{Call, Outcome, answer, bytes, write_u32};
use crate::abi::Status;
use crate::shared::{EnqueueRefused, UnknownQueue};
use crate::vm::host::Host;
use crate::vm::roots::RootReader;

/// What is answered for a queue that there is no room for. The Rust SDK knows no failure of registering: it gets the id of
/// no queue, and then an answer that it knows whenever it uses that.
const NO_QUEUE: u32 = u32::MAX;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_register_shared_queue",
        |mut call: Call<'_>, name: u32, name_len: u32, id: u32| {
            answer(&mut call, |call| register(call, (name, name_len), id))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_resolve_shared_queue",
        |mut call: Call<'_>, vm_id: u32, vm_id_len: u32, name: u32, name_len: u32, id: u32| {
            answer(&mut call, |call| {
                resolve(call, (vm_id, vm_id_len), (name, name_len), id)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_enqueue_shared_queue",
        |mut call: Call<'_>, id: u32, item: u32, item_len: u32| {
            answer(&mut call, |call| enqueue(call, id, (item, item_len)))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_dequeue_shared_queue",
        |mut call: Call<'_>, id: u32, ptr: u32, len: u32| {
            answer(&mut call, |call| dequeue(call, id, (ptr, len)))
        },
    )?;
    Ok(())
}

fn register(call: &mut Call<'_>, (name, name_len): (u32, u32), id: u32) -> Outcome {
    let host = call.data();
    let (shared, vm) = host.shared();
    let trial = host.trial;
    // A module's start function runs before there is a context that could be notified.
    let root = host.root_context().ok_or(Status::BadArgument)?;
    let reader = RootReader::new(&host.agenda, root);
    let name = bytes(call, name, name_len)?;
    // A trial takes no notifications away from whoever reads the queue.
    let known = trial
        .then(|| shared.queues.resolve(&vm.vm_id, name))
        .flatten();
    let queue = known.or_else(|| shared.queues.register(&vm.vm_id, name, reader));
    if queue.is_none() {
        call.data_mut().warn_once(
            "proxy_register_shared_queue opens no queue: the name is too long, or its vm_id has as many queues as it may have",
        );
    }
    write_u32(call, id, queue.unwrap_or(NO_QUEUE))
}

fn resolve(call: &mut Call<'_>, vm_id: (u32, u32), name: (u32, u32), id: u32) -> Outcome {
    let (shared, vm) = call.data().shared();
    let (vm_id, name) = two(call, vm_id, name)?;
    let vm_id = match vm_id {
        [] => (&*vm.vm_id).into(),
        vm_id => String::from_utf8_lossy(vm_id),
    };
    let queue = shared.queues.resolve(&vm_id, name);
    write_u32(call, id, queue.ok_or(Status::NotFound)?)
}

fn enqueue(call: &mut Call<'_>, id: u32, (item, item_len): (u32, u32)) -> Outcome {
    let (shared, _) = call.data().shared();
    let item = Bytes::copy_from_slice(bytes(call, item, item_len)?);
    match shared.queues.enqueue(id, item) {
        Ok(()) => Ok(()),
        Err(EnqueueRefused::Unknown) => Err(Status::NotFound.into()),
        Err(EnqueueRefused::Full) => {
            call.data_mut().warn_once(
                "proxy_enqueue_shared_queue is refused with NOT_FOUND: the queue, or the queues of its vm_id together, are full",
            );
            // The Rust SDK panics at any other.
            Err(Status::NotFound.into())
        }
    }
}

fn dequeue(call: &mut Call<'_>, id: u32, out: (u32, u32)) -> Outcome {
    let (shared, _) = call.data().shared();
    match shared.queues.dequeue(id) {
        Ok(Some(item)) => give(call, out, &item),
        Ok(None) => Err(Status::Empty.into()),
        Err(UnknownQueue) => Err(Status::NotFound.into()),
    }
}
