// Marks what passes: `x-processed-by: Loom` on the request that the upstream gets, `x-gateway: Loom` on the response
// that the client gets.
//
// There is no SDK and no C library: this is all that Proxy-Wasm asks of a module.

#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(name) __attribute__((import_module("env"), import_name(name)))

enum level { LEVEL_DEBUG = 1, LEVEL_ERROR = 4 };
enum map { REQUEST_HEADERS = 0, RESPONSE_HEADERS = 2 };
enum action { CONTINUE = 0, PAUSE = 1 };

// What the host offers. Texts are passed as an address and a length, and the result is a status: 0 is OK.
IMPORT("proxy_log")
uint32_t proxy_log(enum level level, const char *message, size_t size);
IMPORT("proxy_add_header_map_value")
uint32_t proxy_add_header_map_value(enum map map, const char *name, size_t name_size, const char *value,
                                    size_t value_size);

// Says which version of the ABI this is. It is never called.
EXPORT("proxy_abi_version_0_2_1")
void proxy_abi_version(void) {}

// Where the host puts what it gives to the plugin. This plugin asks for nothing, but a host insists on it: nothing is
// ever freed, and beyond this much there is nothing.
EXPORT("proxy_on_memory_allocate")
void *proxy_on_memory_allocate(size_t size) {
    static char memory[4096];
    static size_t used;
    if (size > sizeof memory - used) return NULL;
    used += size;
    return memory + used - size;
}

#define LOG(level, text) proxy_log(level, text, sizeof text - 1)

static void add(enum map map, const char *name, size_t name_size) {
    if (proxy_add_header_map_value(map, name, name_size, "Loom", 4) != 0) {
        LOG(LEVEL_ERROR, "a header cannot be added");
    }
}

#define ADD(map, name) add(map, name, sizeof name - 1)

EXPORT("proxy_on_request_headers")
enum action proxy_on_request_headers(uint32_t context, uint32_t count, uint32_t end_of_stream) {
    (void)context, (void)count, (void)end_of_stream;
    ADD(REQUEST_HEADERS, "x-processed-by");
    LOG(LEVEL_DEBUG, "adds x-processed-by to the request");
    return CONTINUE;
}

EXPORT("proxy_on_response_headers")
enum action proxy_on_response_headers(uint32_t context, uint32_t count, uint32_t end_of_stream) {
    (void)context, (void)count, (void)end_of_stream;
    ADD(RESPONSE_HEADERS, "x-gateway");
    return CONTINUE;
}
