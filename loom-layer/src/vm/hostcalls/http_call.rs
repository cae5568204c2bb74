//! HTTP calls to upstreams. A call is only noted here; it is made when the guest's callback has returned.

use std::time::Duration;

use wasmtime::Linker;

use super::{Call, Outcome, answer, bytes, write_u32};
use crate::abi::{Status, pairs};
use crate::callout::{self, HttpCall, HttpRequest};
use crate::limits;
use crate::log::LogLevel;
use crate::vm::callouts::Kind;
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
        .and_then(|root| root.upstreams.get(&name));
    let Some(upstream) = upstream else {
        unknown_upstream(call, "proxy_http_call", &name);
        return Err(Status::BadArgument.into());
    };
    // Larger ones are negative in the ABI's eyes.
    if i32::try_from(timeout).is_err() {
        return Err(Status::BadArgument.into());
    }
    let headers = bytes(call, headers.0, headers.1)?.to_vec();
    let trailers = bytes(call, trailers.0, trailers.1)?.to_vec();
    let headers = pairs::decode(&headers).unwrap_or_default();
    let trailers = pairs::decode(&trailers).unwrap_or_default();
    let mut request = HttpRequest::new(&headers, &trailers)?;
    let budget = call.data().calls.budget.clone();
    let body = budget.hold(&[bytes(call, body.0, body.1)?]);
    let id = next_id(call, Kind::Http, body.is_some())?;
    // Before the call is noted: one whose id the guest cannot learn is not made.
    write_u32(call, out, id)?;
    let observer = call
        .data_mut()
        .observe_call(upstream.name(), request.headers_mut());
    let http = Box::new(HttpCall {
        upstream,
        request: request.with_body(body.unwrap_or_default()),
        timeout: time(timeout),
    });
    let calls = &mut call.data_mut().calls;
    calls.note(id, root, callout::Call::Http(Some(http)), None, observer);
    Ok(())
}

/// Says in the log that a plugin may not call what it named.
pub(super) fn unknown_upstream(call: &mut Call<'_>, function: &str, name: &[u8]) {
    let name = String::from_utf8_lossy(name);
    let message = format!("{function}: no upstream is named `{name}`");
    call.data_mut().log(LogLevel::Warn, message.as_bytes());
}

/// An id for a call, unless too many or too large ones are open.
pub(super) fn next_id(call: &mut Call<'_>, kind: Kind, fits: bool) -> Outcome<u32> {
    let host = call.data_mut();
    let id = fits.then(|| host.calls.next_id(kind)).flatten();
    id.ok_or_else(|| {
        host.warn_once(TOO_MANY);
        Status::InternalFailure.into()
    })
}

/// A timeout in milliseconds; none is the longest that is waited without one.
pub(super) fn time(millis: u32) -> Duration {
    match millis {
        0 => limits::CALL_TIME,
        millis => Duration::from_millis(millis.into()),
    }
}

const TOO_MANY: &str =
    "a call is refused: 1,024 calls are open in this VM, or 32 MiB wait to be sent";
