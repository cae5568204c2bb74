//! gRPC calls and streams. As HTTP calls they are only noted here.

use bytes::Bytes;
use wasmtime::{FuncType, Linker};

use super::http_call::{next_id, time, unknown_upstream};
use super::{Call, Outcome, Stop, answer, bytes, write_u32};
use crate::abi::{Status, pairs};
use crate::callout::{
    self, GrpcCall, GrpcRequest, GrpcStream, GrpcTarget, NoTarget, Outgoing, prefix,
};
use crate::observer::CalloutObserver;
use crate::vm::callouts::Kind;
use crate::vm::host::Host;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_grpc_call",
        |mut call: Call<'_>,
         upstream: u32,
         upstream_len: u32,
         service: u32,
         service_len: u32,
         method: u32,
         method_len: u32,
         metadata: u32,
         metadata_len: u32,
         message: u32,
         message_len: u32,
         timeout: u32,
         out: u32| {
            let request = [
                (upstream, upstream_len),
                (service, service_len),
                (method, method_len),
                (metadata, metadata_len),
            ];
            let message = (message, message_len);
            answer(&mut call, |call| {
                grpc_call(call, request, message, timeout, out)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_grpc_stream",
        |mut call: Call<'_>,
         upstream: u32,
         upstream_len: u32,
         service: u32,
         service_len: u32,
         method: u32,
         method_len: u32,
         metadata: u32,
         metadata_len: u32,
         out: u32| {
            let request = [
                (upstream, upstream_len),
                (service, service_len),
                (method, method_len),
                (metadata, metadata_len),
            ];
            answer(&mut call, |call| grpc_stream(call, request, out))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_grpc_send",
        |mut call: Call<'_>, id: u32, message: u32, len: u32, end: u32| {
            answer(&mut call, |call| {
                let message = hold(call, (message, len))?;
                Ok(call.data_mut().calls.send(id, message, end != 0)?)
            })
        },
    )?;
    linker.func_wrap("env", "proxy_grpc_close", |mut call: Call<'_>, id: u32| {
        answer(&mut call, |call| Ok(call.data_mut().calls.close(id)?))
    })?;
    linker.func_wrap("env", "proxy_grpc_cancel", |mut call: Call<'_>, id: u32| {
        answer(&mut call, |call| Ok(call.data_mut().calls.cancel(id)?))
    })?;
    Ok(())
}

/// The AssemblyScript SDK imports the first two without metadata.
pub(super) fn define_variant(linker: &mut Linker<Host>, name: &str, ty: &FuncType) -> bool {
    let defined = match (name, ty.params().len()) {
        ("proxy_grpc_call", 10) => linker.func_wrap(
            "env",
            name,
            |mut call: Call<'_>,
             upstream: u32,
             upstream_len: u32,
             service: u32,
             service_len: u32,
             method: u32,
             method_len: u32,
             message: u32,
             message_len: u32,
             timeout: u32,
             out: u32| {
                let request = [
                    (upstream, upstream_len),
                    (service, service_len),
                    (method, method_len),
                    (0, 0),
                ];
                let message = (message, message_len);
                answer(&mut call, |call| {
                    grpc_call(call, request, message, timeout, out)
                })
            },
        ),
        ("proxy_grpc_stream", 7) => linker.func_wrap(
            "env",
            name,
            |mut call: Call<'_>,
             upstream: u32,
             upstream_len: u32,
             service: u32,
             service_len: u32,
             method: u32,
             method_len: u32,
             out: u32| {
                let request = [
                    (upstream, upstream_len),
                    (service, service_len),
                    (method, method_len),
                    (0, 0),
                ];
                answer(&mut call, |call| grpc_stream(call, request, out))
            },
        ),
        _ => return false,
    };
    defined.is_ok()
}

fn grpc_call(
    call: &mut Call<'_>,
    request: [(u32, u32); 4],
    message: (u32, u32),
    timeout: u32,
    out: u32,
) -> Outcome {
    let (root, mut request) = read(call, "proxy_grpc_call", request)?;
    let message = hold(call, message)?;
    let id = next_id(call, Kind::Grpc, message.is_some())?;
    write_u32(call, out, id)?;
    // Without a timeout the server is not told of the host's own: to it the call has none.
    if timeout > 0 {
        request = request.with_timeout(time(timeout));
    }
    let observer = observe(call, &mut request);
    let grpc = GrpcCall::new(request, message.unwrap_or_default(), time(timeout));
    let calls = &mut call.data_mut().calls;
    calls.note(id, root, callout::Call::Grpc(Some(grpc)), None, observer);
    Ok(())
}

fn grpc_stream(call: &mut Call<'_>, request: [(u32, u32); 4], out: u32) -> Outcome {
    let (root, mut request) = read(call, "proxy_grpc_stream", request)?;
    let id = next_id(call, Kind::Stream, true)?;
    write_u32(call, out, id)?;
    let (messages, body) = Outgoing::new();
    let observer = observe(call, &mut request);
    let stream = GrpcStream::new(request, body);
    let calls = &mut call.data_mut().calls;
    let (stream, messages) = (callout::Call::Stream(stream), Some(messages));
    calls.note(id, root, stream, messages, observer);
    Ok(())
}

/// Lets the call be watched, if somebody watches the callback that makes it.
fn observe(call: &mut Call<'_>, request: &mut GrpcRequest) -> Option<Box<dyn CalloutObserver>> {
    let (upstream, headers) = request.watched();
    call.data_mut().observe_call(upstream, headers)
}

/// A message with its prefix; `None` when it is too large, or too much is held already. Its sender is told of both in the
/// same way: the SDKs know no other status for them.
fn hold(call: &mut Call<'_>, (ptr, len): (u32, u32)) -> Outcome<Option<Bytes>> {
    let budget = call.data().calls.budget.clone();
    let message = match bytes(call, ptr, len) {
        Err(Stop::Status(Status::BadArgument)) => return Ok(None),
        message => message?,
    };
    Ok(prefix(message).and_then(|prefix| budget.hold(&[&prefix, message])))
}

/// What is to be called, and the root context that calls.
fn read(
    call: &mut Call<'_>,
    function: &str,
    [upstream, service, method, metadata]: [(u32, u32); 4],
) -> Outcome<(u32, GrpcRequest)> {
    let upstream = bytes(call, upstream.0, upstream.1)?.to_vec();
    let service = bytes(call, service.0, service.1)?.to_vec();
    let method = bytes(call, method.0, method.1)?.to_vec();
    let metadata = bytes(call, metadata.0, metadata.1)?.to_vec();
    let context = call.data().root_context();
    let (Some(context), Some(root)) = (context, call.data().root()) else {
        return Err(Status::InternalFailure.into());
    };
    let target = match GrpcTarget::find(&root.upstreams, &upstream) {
        Ok(target) => target,
        Err(why) => {
            unknown_upstream(call, function, &upstream);
            return Err(match why {
                NoTarget::Unknown => Status::ParseFailure.into(),
                NoTarget::NotThere => Status::InternalFailure.into(),
            });
        }
    };
    let metadata = pairs::decode(&metadata).unwrap_or_default();
    let request = GrpcRequest::new(target, (&service, &method), &metadata)?;
    Ok((context, request))
}
