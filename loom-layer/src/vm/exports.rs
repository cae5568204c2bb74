//! The callbacks that a module exports, as functions of one instance.

use wasmtime::{Store, TypedFunc, WasmParams, WasmResults};

use super::host::Host;
use crate::abi::AbiVersion;

/// See the module's text.
pub(super) struct Exports {
    pub(super) context_create: Option<TypedFunc<(u32, u32), ()>>,
    pub(super) vm_start: Option<TypedFunc<(u32, u32), u32>>,
    pub(super) configure: Option<TypedFunc<(u32, u32), u32>>,
    /// Of the request and of the response, as the next two.
    pub(super) headers: [Option<Headers>; 2],
    pub(super) body: [Option<Body>; 2],
    pub(super) trailers: [Option<TypedFunc<(u32, u32), u32>>; 2],
    pub(super) http_call_response: Option<CallResponse>,
    pub(super) grpc_initial_metadata: Option<GrpcEvent>,
    pub(super) grpc_receive: Option<GrpcEvent>,
    pub(super) grpc_trailing_metadata: Option<GrpcEvent>,
    pub(super) grpc_close: Option<GrpcEvent>,
    pub(super) log: Option<TypedFunc<u32, ()>>,
    pub(super) done: Option<TypedFunc<u32, u32>>,
    pub(super) delete: Option<TypedFunc<u32, ()>>,
    pub(super) tick: Option<TypedFunc<u32, ()>>,
    pub(super) queue_ready: Option<TypedFunc<(u32, u32), ()>>,
}

/// Context, size, and whether it is the last part.
pub(super) type Body = TypedFunc<(u32, u32, u32), u32>;
/// Context, call, and the numbers of headers, body bytes and trailers.
pub(super) type CallResponse = TypedFunc<(u32, u32, u32, u32, u32), ()>;
/// Context, call, and a number of entries or bytes, or a status.
pub(super) type GrpcEvent = TypedFunc<(u32, u32, u32), ()>;

/// A headers callback: version 0.1.0 does not tell it about the end of the stream.
pub(super) enum Headers {
    WithoutEnd(TypedFunc<(u32, u32), u32>),
    WithEnd(TypedFunc<(u32, u32, u32), u32>),
}

impl Exports {
    pub(super) fn new(
        store: &mut Store<Host>,
        instance: &wasmtime::Instance,
        abi: AbiVersion,
    ) -> Self {
        let headers = |store: &mut Store<Host>, name| {
            if abi == AbiVersion::V0_1_0 {
                find(store, instance, name).map(Headers::WithoutEnd)
            } else {
                find(store, instance, name).map(Headers::WithEnd)
            }
        };
        Self {
            context_create: find(store, instance, "proxy_on_context_create"),
            vm_start: find(store, instance, "proxy_on_vm_start"),
            configure: find(store, instance, "proxy_on_configure"),
            headers: [
                headers(store, "proxy_on_request_headers"),
                headers(store, "proxy_on_response_headers"),
            ],
            body: [
                find(store, instance, "proxy_on_request_body"),
                find(store, instance, "proxy_on_response_body"),
            ],
            trailers: [
                find(store, instance, "proxy_on_request_trailers"),
                find(store, instance, "proxy_on_response_trailers"),
            ],
            http_call_response: find(store, instance, "proxy_on_http_call_response"),
            grpc_initial_metadata: find(store, instance, "proxy_on_grpc_receive_initial_metadata"),
            grpc_receive: find(store, instance, "proxy_on_grpc_receive"),
            grpc_trailing_metadata: find(
                store,
                instance,
                "proxy_on_grpc_receive_trailing_metadata",
            ),
            grpc_close: find(store, instance, "proxy_on_grpc_close"),
            log: find(store, instance, "proxy_on_log"),
            done: find(store, instance, "proxy_on_done"),
            delete: find(store, instance, "proxy_on_delete"),
            tick: find(store, instance, "proxy_on_tick"),
            queue_ready: find(store, instance, "proxy_on_queue_ready"),
        }
    }
}

/// An export of this type, if there is one; the module's check has refused callbacks of other types.
pub(super) fn find<P: WasmParams, R: WasmResults>(
    store: &mut Store<Host>,
    instance: &wasmtime::Instance,
    name: &str,
) -> Option<TypedFunc<P, R>> {
    instance.get_typed_func(store, name).ok()
}
