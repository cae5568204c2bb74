//! HTTP calls to upstreams. A call is only noted here; it is made when the guest's callback has returned.

use std::time::Duration;

use wasmtime::Linker;

use super::{Call, Outcome, answer, bytes, write_u32};
use crate::abi::{Status, pairs};
use crate::callout::CallRequest;
use crate::vm::callouts::Callout;
use crate::vm::host::Host;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_http_call",
        |mut call: Call<'_>,
         upstream: u32,
         upstream_len: u32,
         headers: u32,
         headers_len: u32,
         body: u32,
         body_len: u32,
         trailers: u32,
         trailers_len: u32,
         timeout: u32,
         out: u32| {
            let texts = [
                (upstream, upstream_len),
                (headers, headers_len),
                (body, body_len),
                (trailers, trailers_len),
            ];
            answer(&mut call, |call| http_call(call, texts, timeout, out))
        },
    )?;
    Ok(())
}

fn http_call(call: &mut Call<'_>, texts: [(u32, u32); 4], timeout: u32, out: u32) -> Outcome {
    let [name, headers, body, trailers] = texts;
    let name = bytes(call, name.0, name.1)?.to_vec();
    let root = call.data().root_context().ok_or(Status::BadArgument)?;
    let upstream = call
        .data()
        .root()
        .and_then(|root| root.upstreams.get(&name).cloned());
    let Some(upstream) = upstream else {
        let name = String::from_utf8_lossy(&name);
        let message = format!("proxy_http_call: no upstream is named `{name}`");
        call.data_mut()
            .log(crate::log::LogLevel::Warn, message.as_bytes());
        return Err(Status::BadArgument.into());
    };
    // Larger ones are negative in the ABI's eyes. Zero is no limit.
    let timeout = i32::try_from(timeout).map_err(|_| Status::BadArgument)?;
    let timeout = (timeout > 0).then(|| Duration::from_millis(timeout.unsigned_abs().into()));
    let headers = bytes(call, headers.0, headers.1)?.to_vec();
    let trailers = bytes(call, trailers.0, trailers.1)?.to_vec();
    let headers = pairs::decode(&headers).unwrap_or_default();
    let trailers = pairs::decode(&trailers).unwrap_or_default();
    let request = CallRequest::new(&headers, bytes(call, body.0, body.1)?, &trailers)?;
    let Some(id) = call.data_mut().calls.next_id(&request) else {
        call.data_mut().warn_once(TOO_MANY);
        return Err(Status::InternalFailure.into());
    };
    // Before the call is noted: one whose id the guest cannot learn is not made.
    write_u32(call, out, id)?;
    call.data_mut().calls.note(Callout {
        id,
        root,
        upstream,
        request,
        timeout,
    });
    Ok(())
}

const TOO_MANY: &str = "proxy_http_call: too many calls, or too large ones, are open in this VM";
