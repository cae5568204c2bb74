//! A plugin that does what a script in its configuration says, and logs every callback and every host call.
//!
//! It stands on the raw ABI, so that what it shows is the host's doing and no SDK's.

mod imports;
mod memory;
mod plugin;
mod script;
mod steps;
mod wasi;
mod words;

use plugin::{callback, label};

/// The maps to which hosts add entries of their own.
const GRPC_INITIAL: u32 = 4;
const GRPC_TRAILING: u32 = 5;
const CALL_HEADERS: u32 = 6;

/// What a callback says about a number of entries, so far as it can be compared: whether it is the right one.
fn count(said: u32, map: u32) -> String {
    match said as usize {
        0 => "0".to_owned(),
        count if count == steps::count_pairs(map) => "all".to_owned(),
        count => format!("{count} of others"),
    }
}

#[cfg(feature = "abi_0_1_0")]
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_1_0() {}

#[cfg(feature = "abi_0_2_0")]
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_0() {}

#[cfg(feature = "abi_0_2_1")]
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    memory::allocate(size)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(id: u32, parent: u32) {
    plugin::created(id, parent);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(root: u32, _size: u32) -> u32 {
    callback(root, "vm_start", "", false, 1)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, size: u32) -> u32 {
    plugin::configured(root, size)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    callback(root, "tick", "", false, 0);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_queue_ready(root: u32, queue: u32) {
    callback(
        root,
        "queue_ready",
        &format!(" {}", label("queue", queue)),
        false,
        0,
    );
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(
    root: u32,
    call: u32,
    headers: u32,
    body: u32,
    trailers: u32,
) {
    let call = label("call", call);
    let headers = count(headers, CALL_HEADERS);
    let arguments = format!(" {call} headers={headers} body={body} trailers={trailers}");
    callback(root, "http_call_response", &arguments, false, 0);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive_initial_metadata(root: u32, id: u32, entries: u32) {
    let entries = count(entries, GRPC_INITIAL);
    let arguments = format!(" {} {entries}", label("grpc", id));
    callback(root, "grpc_receive_initial_metadata", &arguments, false, 0);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive(root: u32, id: u32, size: u32) {
    callback(
        root,
        "grpc_receive",
        &format!(" {} {size}", label("grpc", id)),
        false,
        0,
    );
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive_trailing_metadata(root: u32, id: u32, entries: u32) {
    let entries = count(entries, GRPC_TRAILING);
    let arguments = format!(" {} {entries}", label("grpc", id));
    callback(root, "grpc_receive_trailing_metadata", &arguments, false, 0);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_close(root: u32, id: u32, status: u32) {
    callback(
        root,
        "grpc_close",
        &format!(" {} {status}", label("grpc", id)),
        false,
        0,
    );
}

#[cfg(not(feature = "abi_0_1_0"))]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, count: u32, end: u32) -> u32 {
    callback(
        context,
        "request_headers",
        &format!(" {count}"),
        end != 0,
        0,
    )
}

#[cfg(not(feature = "abi_0_1_0"))]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(context: u32, count: u32, end: u32) -> u32 {
    callback(
        context,
        "response_headers",
        &format!(" {count}"),
        end != 0,
        0,
    )
}

#[cfg(feature = "abi_0_1_0")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, count: u32) -> u32 {
    callback(context, "request_headers", &format!(" {count}"), false, 0)
}

#[cfg(feature = "abi_0_1_0")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(context: u32, count: u32) -> u32 {
    callback(context, "response_headers", &format!(" {count}"), false, 0)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context: u32, size: u32, end: u32) -> u32 {
    callback(context, "request_body", &format!(" {size}"), end != 0, 0)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(context: u32, size: u32, end: u32) -> u32 {
    callback(context, "response_body", &format!(" {size}"), end != 0, 0)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context: u32, count: u32) -> u32 {
    callback(context, "request_trailers", &format!(" {count}"), false, 0)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(context: u32, count: u32) -> u32 {
    callback(context, "response_trailers", &format!(" {count}"), false, 0)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(context: u32) {
    callback(context, "log", "", false, 0);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(context: u32) -> u32 {
    callback(context, "done", "", false, 1)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    callback(context, "delete", "", false, 0);
}
