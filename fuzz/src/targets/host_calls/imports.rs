//! Every function that a guest can import.

/// One import. Kinds of arguments: `p` an address, `n` a length, `e` a number or enumeration, `I` a 64-bit number, `F` one
/// with a point.
#[derive(Debug, Clone, Copy)]
pub struct Import {
    /// The module that it is imported from.
    pub module: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// A letter for each argument.
    pub kinds: &'static str,
    /// Whether it answers with a status.
    pub answers: bool,
}

const fn env(name: &'static str, kinds: &'static str) -> Import {
    Import {
        module: "env",
        name,
        kinds,
        answers: true,
    }
}

const fn wasi(name: &'static str, kinds: &'static str) -> Import {
    Import {
        module: "wasi_snapshot_preview1",
        name,
        kinds,
        answers: true,
    }
}

/// All but those that end the guest by definition. New ones are put at the end, so that inputs go on meaning what they meant.
pub const IMPORTS: &[Import] = &[
    env("proxy_log", "epn"),
    env("proxy_get_log_level", "p"),
    env("proxy_get_current_time_nanoseconds", "p"),
    env("proxy_set_tick_period_milliseconds", "e"),
    env("proxy_get_buffer_bytes", "eenpp"),
    env("proxy_set_buffer_bytes", "eenpn"),
    env("proxy_get_buffer_status", "epp"),
    env("proxy_get_configuration", "pp"),
    env("proxy_get_header_map_size", "ep"),
    env("proxy_get_header_map_pairs", "epp"),
    env("proxy_set_header_map_pairs", "epn"),
    env("proxy_get_header_map_value", "epnpp"),
    env("proxy_add_header_map_value", "epnpn"),
    env("proxy_replace_header_map_value", "epnpn"),
    env("proxy_remove_header_map_value", "epn"),
    env("proxy_get_shared_data", "pnppp"),
    env("proxy_set_shared_data", "pnpne"),
    env("proxy_register_shared_queue", "pnp"),
    env("proxy_resolve_shared_queue", "pnpnp"),
    env("proxy_enqueue_shared_queue", "epn"),
    env("proxy_dequeue_shared_queue", "epp"),
    env("proxy_get_property", "pnpp"),
    env("proxy_set_property", "pnpn"),
    env("proxy_done", ""),
    env("proxy_http_call", "pnpnpnpnep"),
    env("proxy_grpc_call", "pnpnpnpnpnep"),
    env("proxy_grpc_stream", "pnpnpnpnp"),
    env("proxy_grpc_send", "epne"),
    env("proxy_grpc_cancel", "e"),
    env("proxy_grpc_close", "e"),
    env("proxy_call_foreign_function", "pnpnpp"),
    env("proxy_continue_stream", "e"),
    env("proxy_close_stream", "e"),
    env("proxy_continue_request", ""),
    env("proxy_continue_response", ""),
    env("proxy_clear_route_cache", ""),
    env("proxy_send_local_response", "epnpnpne"),
    env("proxy_get_status", "ppp"),
    env("proxy_define_metric", "epnp"),
    env("proxy_increment_metric", "eI"),
    env("proxy_record_metric", "eI"),
    env("proxy_get_metric", "ep"),
    wasi("fd_write", "epnp"),
    wasi("fd_pwrite", "epnIp"),
    wasi("fd_read", "epnp"),
    wasi("fd_pread", "epnIp"),
    wasi("fd_close", "e"),
    wasi("fd_seek", "eIep"),
    wasi("fd_tell", "ep"),
    wasi("fd_sync", "e"),
    wasi("fd_advise", "eIIe"),
    wasi("fd_allocate", "eII"),
    wasi("fd_renumber", "ee"),
    wasi("fd_readdir", "epnIp"),
    wasi("fd_fdstat_get", "ep"),
    wasi("fd_filestat_get", "ep"),
    wasi("fd_prestat_get", "ep"),
    wasi("fd_prestat_dir_name", "epn"),
    wasi("path_open", "eepneIIep"),
    wasi("path_unlink_file", "epn"),
    wasi("environ_get", "pp"),
    wasi("environ_sizes_get", "pp"),
    wasi("args_get", "pp"),
    wasi("args_sizes_get", "pp"),
    wasi("clock_time_get", "eIp"),
    wasi("clock_res_get", "ep"),
    wasi("random_get", "pn"),
    wasi("sched_yield", ""),
    wasi("poll_oneoff", "ppnp"),
    wasi("sock_shutdown", "ee"),
    env("proxy_set_effective_context", "e"),
    Import {
        module: "env",
        name: "trace",
        kinds: "peFFFFF",
        answers: false,
    },
];
