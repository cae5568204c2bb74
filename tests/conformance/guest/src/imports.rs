//! The host's functions, and calling any of them by its name with raw numbers.

/// Declares imports of `env`, and [`raw`] over all of them.
macro_rules! imports {
    ($($(#[$condition:meta])? $name:ident($($argument:ident: $kind:ty),*);)*) => {
        #[link(wasm_import_module = "env")]
        unsafe extern "C" {
            $($(#[$condition])? pub(crate) safe fn $name($($argument: $kind),*) -> u32;)*
        }

        /// Calls a function by name. Arguments that are missing are 0. `None`: there is no such function in this version.
        pub(crate) fn raw(name: &str, arguments: &[u64]) -> Option<u32> {
            let mut arguments = arguments.iter().copied();
            match name {
                $($(#[$condition])? stringify!($name) => {
                    $(let $argument = arguments.next().unwrap_or(0) as $kind;)*
                    Some($name($($argument),*))
                })*
                _ => None,
            }
        }
    };
}

imports! {
    proxy_log(level: u32, data: u32, size: u32);
    #[cfg(feature = "abi_0_2_1")] proxy_get_log_level(level: u32);
    proxy_get_current_time_nanoseconds(time: u32);
    proxy_set_tick_period_milliseconds(period: u32);
    #[cfg(feature = "abi_0_1_0")] proxy_get_configuration(data: u32, size: u32);
    proxy_get_buffer_bytes(buffer: u32, start: u32, max: u32, data: u32, size: u32);
    proxy_set_buffer_bytes(buffer: u32, start: u32, length: u32, data: u32, size: u32);
    proxy_get_buffer_status(buffer: u32, size: u32, flags: u32);
    proxy_get_header_map_size(map: u32, size: u32);
    proxy_get_header_map_pairs(map: u32, data: u32, size: u32);
    proxy_set_header_map_pairs(map: u32, data: u32, size: u32);
    proxy_get_header_map_value(map: u32, name: u32, name_size: u32, data: u32, size: u32);
    proxy_add_header_map_value(map: u32, name: u32, name_size: u32, value: u32, value_size: u32);
    proxy_replace_header_map_value(map: u32, name: u32, name_size: u32, value: u32, value_size: u32);
    proxy_remove_header_map_value(map: u32, name: u32, name_size: u32);
    #[cfg(not(feature = "abi_0_1_0"))] proxy_continue_stream(stream: u32);
    #[cfg(not(feature = "abi_0_1_0"))] proxy_close_stream(stream: u32);
    #[cfg(feature = "abi_0_1_0")] proxy_continue_request();
    #[cfg(feature = "abi_0_1_0")] proxy_continue_response();
    #[cfg(feature = "abi_0_1_0")] proxy_clear_route_cache();
    proxy_send_local_response(code: u32, details: u32, details_size: u32, body: u32, body_size: u32, headers: u32, headers_size: u32, grpc: u32);
    proxy_get_status(code: u32, data: u32, size: u32);
    proxy_http_call(upstream: u32, upstream_size: u32, headers: u32, headers_size: u32, body: u32, body_size: u32, trailers: u32, trailers_size: u32, timeout: u32, id: u32);
    proxy_grpc_call(upstream: u32, upstream_size: u32, service: u32, service_size: u32, method: u32, method_size: u32, metadata: u32, metadata_size: u32, message: u32, message_size: u32, timeout: u32, id: u32);
    proxy_grpc_stream(upstream: u32, upstream_size: u32, service: u32, service_size: u32, method: u32, method_size: u32, metadata: u32, metadata_size: u32, id: u32);
    proxy_grpc_send(id: u32, message: u32, message_size: u32, end: u32);
    proxy_grpc_cancel(id: u32);
    proxy_grpc_close(id: u32);
    proxy_set_shared_data(key: u32, key_size: u32, value: u32, value_size: u32, cas: u32);
    proxy_get_shared_data(key: u32, key_size: u32, data: u32, size: u32, cas: u32);
    proxy_register_shared_queue(name: u32, name_size: u32, id: u32);
    proxy_resolve_shared_queue(vm: u32, vm_size: u32, name: u32, name_size: u32, id: u32);
    proxy_enqueue_shared_queue(id: u32, data: u32, size: u32);
    proxy_dequeue_shared_queue(id: u32, data: u32, size: u32);
    proxy_define_metric(kind: u32, name: u32, name_size: u32, id: u32);
    proxy_increment_metric(id: u32, delta: i64);
    proxy_record_metric(id: u32, value: u64);
    proxy_get_metric(id: u32, value: u32);
    proxy_get_property(path: u32, path_size: u32, data: u32, size: u32);
    proxy_set_property(path: u32, path_size: u32, value: u32, value_size: u32);
    proxy_call_foreign_function(name: u32, name_size: u32, arguments: u32, arguments_size: u32, data: u32, size: u32);
    proxy_set_effective_context(context: u32);
    proxy_done();
}
