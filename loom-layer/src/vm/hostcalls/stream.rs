//! What a guest wants done with a stream: resumed or answered. It is recorded here and carried out when the callback has
//! returned.

use std::sync::Arc;

use wasmtime::{FuncType, Linker};

use super::memory::two;
use super::{Call, Outcome, answer, ask, bytes};
use crate::abi::{Status, StreamType, pairs};
use crate::stream::{Direction, LocalReply, Wish};
use crate::vm::host::Host;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_continue_stream",
        |mut call: Call<'_>, stream: u32| {
            answer(&mut call, |call| {
                resume(call, StreamType::try_from(stream)?)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_close_stream",
        |mut call: Call<'_>, stream: u32| {
            answer(&mut call, |call| close(call, StreamType::try_from(stream)?))
        },
    )?;
    linker.func_wrap("env", "proxy_continue_request", |mut call: Call<'_>| {
        answer(&mut call, |call| resume(call, StreamType::Request))
    })?;
    linker.func_wrap("env", "proxy_continue_response", |mut call: Call<'_>| {
        answer(&mut call, |call| resume(call, StreamType::Response))
    })?;
    linker.func_wrap("env", "proxy_clear_route_cache", |mut call: Call<'_>| {
        answer(&mut call, |call| {
            reroute(call);
            Ok(())
        })
    })?;
    linker.func_wrap(
        "env",
        "proxy_send_local_response",
        |mut call: Call<'_>,
         status: u32,
         details: u32,
         details_len: u32,
         body: u32,
         body_len: u32,
         headers: u32,
         headers_len: u32,
         grpc_status: i32| {
            let texts = [
                (details, details_len),
                (body, body_len),
                (headers, headers_len),
            ];
            answer(&mut call, |call| reply(call, status, texts, grpc_status))
        },
    )?;
    Ok(())
}

/// Version 0.1.0's text shows some functions without a result, and some SDKs import them so.
pub(super) fn define_variant(linker: &mut Linker<Host>, name: &str, ty: &FuncType) -> bool {
    let run: fn(&mut Call<'_>) -> Outcome = match name {
        "proxy_continue_request" => |call| resume(call, StreamType::Request),
        "proxy_continue_response" => |call| resume(call, StreamType::Response),
        "proxy_clear_route_cache" => |call| {
            reroute(call);
            Ok(())
        },
        _ => return false,
    };
    if ty.params().len() != 0 || ty.results().len() != 0 {
        return false;
    }
    linker
        .func_wrap("env", name, move |mut call: Call<'_>| {
            answer(&mut call, run).map(|_| ())
        })
        .is_ok()
}

/// Asks that the route is chosen anew when the request goes on; after that, and without a request, nothing happens.
pub(super) fn reroute(call: &mut Call<'_>) {
    ask(call, Wish::Reroute);
}

fn resume(call: &mut Call<'_>, stream: StreamType) -> Outcome {
    let direction = match stream {
        StreamType::Request => Direction::Request,
        StreamType::Response => Direction::Response,
        StreamType::Downstream => return Ok(()),
        StreamType::Upstream => return Err(Status::Unimplemented.into()),
    };
    let host = call.data();
    let place = host.streams.get(&host.effective).map(|stream| stream.place);
    if let Some(place) = place {
        ask(call, Wish::Resume(direction, place));
    }
    Ok(())
}

/// Both directions of an HTTP stream end together, as in Envoy.
fn close(call: &mut Call<'_>, stream: StreamType) -> Outcome {
    if matches!(stream, StreamType::Request | StreamType::Response) {
        ask(call, Wish::Cut);
    }
    Ok(())
}

fn reply(call: &mut Call<'_>, status: u32, texts: [(u32, u32); 3], grpc_status: i32) -> Outcome {
    let [details, body, headers] = texts;
    let headers = bytes(call, headers.0, headers.1)?.to_vec();
    let headers = pairs::decode(&headers).unwrap_or_default();
    let (details, body) = two(call, details, body)?;
    let reply = LocalReply::from_guest(status, details, body, &headers, grpc_status)?;
    // Whose answer it is: of the plugin that calls, whichever stream it names.
    let root = call.data().root_of(call.data().current);
    let root = root.map(|context| Arc::clone(&context.root));
    let reply = match &root {
        Some(root) => reply.by(Arc::clone(&root.name)),
        None => reply,
    };
    match ask(call, Wish::Reply(reply)) {
        Some(true) => {
            if let Some(root) = root {
                root.counters.replied();
            }
        }
        Some(false) => call.data_mut().hint("a second reply", |callback| {
            format!(
                "proxy_send_local_response is ignored in {callback}: the stream was answered already; return from the callback after the first reply"
            )
        }),
        None => call.data_mut().hint("a reply to nothing", |callback| {
            format!(
                "proxy_send_local_response is ignored in {callback}: there is no stream to answer; name one with proxy_set_effective_context"
            )
        }),
    }
    Ok(())
}
