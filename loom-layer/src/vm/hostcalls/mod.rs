//! Host calls: what guests import from `env`.
//!
//! Each one is thin: read the arguments through the checked memory, call a method of the exchange or the host, write the
//! results, answer with a status. A host call never panics and never enters the guest, but for its allocator.

mod buffers;
mod compilers;
mod context;
mod foreign;
mod grpc;
mod headers;
mod http_call;
mod log;
mod memory;
mod metrics;
mod properties;
mod queues;
mod shared_data;
mod status;
mod stream;
mod ticks;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use wasmtime::{Caller, FuncType, Linker};

use super::host::Host;
use crate::abi::Status;
use crate::stream::{Exchange, Wish};

pub(super) use memory::{bytes, bytes_mut, write_u32, write_u64};

/// The caller of a host call.
pub(super) type Call<'a> = Caller<'a, Host>;

/// Why a host call stops early.
#[derive(Debug)]
pub(super) enum Stop {
    /// With an answer that is not OK.
    Status(Status),
    /// With the guest: its allocator trapped, or called what it may not.
    Trap(wasmtime::Error),
}

impl From<Status> for Stop {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// How a host call ends.
pub(super) type Outcome<T = ()> = Result<T, Stop>;

/// Defines all host calls in `env`, for every version of the ABI.
pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    log::define(linker)?;
    headers::define(linker)?;
    http_call::define(linker)?;
    grpc::define(linker)?;
    buffers::define(linker)?;
    properties::define(linker)?;
    context::define(linker)?;
    stream::define(linker)?;
    status::define(linker)?;
    shared_data::define(linker)?;
    queues::define(linker)?;
    metrics::define(linker)?;
    ticks::define(linker)?;
    foreign::define(linker)?;
    compilers::define(linker)
}

/// Defines the form of a host call that other SDKs import under the same name, if there is one of this type.
pub(super) fn define_variant(linker: &mut Linker<Host>, name: &str, ty: &FuncType) -> bool {
    stream::define_variant(linker, name, ty)
        || grpc::define_variant(linker, name, ty)
        || compilers::define_variant(linker, name, ty)
}

/// Runs a host call and turns its end into what the guest sees.
fn answer(
    call: &mut Call<'_>,
    run: impl FnOnce(&mut Call<'_>) -> Outcome,
) -> wasmtime::Result<u32> {
    if call.data().allocating {
        return Err(wasmtime::Error::msg(
            "the allocator called a host function other than proxy_log",
        ));
    }
    match run(call) {
        Ok(()) => Ok(Status::Ok.into()),
        Err(Stop::Status(status)) => Ok(status.into()),
        Err(Stop::Trap(error)) => Err(error),
    }
}

/// Runs `f` with the exchange of the effective context, which is taken out of the store meanwhile. `None`: the context is
/// no stream, or is gone.
fn with_exchange<R>(
    call: &mut Call<'_>,
    f: impl FnOnce(&mut Call<'_>, Option<&mut Exchange>) -> Outcome<R>,
) -> Outcome<R> {
    let host = call.data_mut();
    if host.effective == host.current {
        return with_own_exchange(call, f);
    }
    let remote = host
        .streams
        .get(&host.effective)
        .and_then(|stream| Some((stream.place, stream.remote.upgrade()?)));
    let Some((place, remote)) = remote else {
        return f(call, None);
    };
    // Another plugin's context of the very stream whose callback runs.
    if same_stream(call.data(), call.data().effective) {
        return with_own_exchange(call, f);
    }
    let mut f = Some(f);
    let mut result = None;
    remote.with_exchange(place, &mut |exchange| {
        if let Some(f) = f.take() {
            result = Some(f(call, Some(exchange)));
        }
    });
    call.data_mut().wakes.push(remote);
    match (result, f) {
        (Some(result), _) => result,
        // The stream is being run in another VM and did not come free.
        (None, Some(f)) => f(call, None),
        (None, None) => Err(Status::InternalFailure.into()),
    }
}

/// Asks something of the stream of the effective context. `None`: there is none; `false`: nothing will come of it. What is
/// asked of a stream that is being run elsewhere is done after that.
fn ask(call: &mut Call<'_>, wish: Wish) -> Option<bool> {
    let host = call.data_mut();
    let context = host.effective;
    if context == host.current || same_stream(host, context) {
        return host.exchange.as_mut().map(|exchange| exchange.ask(wish));
    }
    let remote = host.streams.get(&context)?.remote.upgrade()?;
    let counts = remote.ask(wish);
    host.wakes.push(remote);
    Some(counts)
}

/// Runs `f` with the exchange of the stream whose callback runs. Whatever happens in it, the exchange is there afterwards.
fn with_own_exchange<R>(
    call: &mut Call<'_>,
    f: impl FnOnce(&mut Call<'_>, Option<&mut Exchange>) -> Outcome<R>,
) -> Outcome<R> {
    let mut exchange = call.data_mut().exchange.take();
    let result = catch_unwind(AssertUnwindSafe(|| f(call, exchange.as_deref_mut())));
    call.data_mut().exchange = exchange;
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Whether a context belongs to the stream whose callback runs.
fn same_stream(host: &Host, context: u32) -> bool {
    match (&host.exchange, host.streams.get(&context)) {
        (Some(exchange), Some(stream)) => exchange.remote.ptr_eq(&stream.remote),
        _ => false,
    }
}
