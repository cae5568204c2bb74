//! Marks what passes: `x-processed-by: Loom` on the request that the upstream gets, `x-gateway: Loom` on the response
//! that the client gets.
//!
//! There is no SDK: this is all that Proxy-Wasm asks of a module.

const std = @import("std");

// What the host offers. Texts are passed as an address and a length, and the result is a status: 0 is OK.
extern "env" fn proxy_log(level: Level, message: [*]const u8, size: usize) u32;
extern "env" fn proxy_add_header_map_value(
    map: Map,
    name: [*]const u8,
    name_size: usize,
    value: [*]const u8,
    value_size: usize,
) u32;

const Level = enum(u32) { trace, debug, info, warn, err, critical };
const Map = enum(u32) { request_headers = 0, response_headers = 2 };
const Action = enum(u32) { proceed, pause };

/// Says which version of the ABI this is. It is never called.
export fn proxy_abi_version_0_2_1() void {}

/// Where the host puts what it gives to the plugin. This plugin asks for nothing, but a host insists on it.
export fn proxy_on_memory_allocate(size: usize) ?[*]u8 {
    const memory = std.heap.wasm_allocator.alloc(u8, size) catch return null;
    return memory.ptr;
}

export fn proxy_on_request_headers(context: u32, _: u32, _: bool) Action {
    add(.request_headers, "x-processed-by", "Loom");
    var line: [64]u8 = undefined;
    const text = std.fmt.bufPrint(&line, "#{d} adds x-processed-by to the request", .{context});
    log(.debug, text catch "adds x-processed-by to the request");
    return .proceed;
}

export fn proxy_on_response_headers(_: u32, _: u32, _: bool) Action {
    add(.response_headers, "x-gateway", "Loom");
    return .proceed;
}

fn add(map: Map, name: []const u8, value: []const u8) void {
    const status = proxy_add_header_map_value(map, name.ptr, name.len, value.ptr, value.len);
    if (status != 0) log(.err, "a header cannot be added");
}

fn log(level: Level, message: []const u8) void {
    _ = proxy_log(level, message.ptr, message.len);
}
