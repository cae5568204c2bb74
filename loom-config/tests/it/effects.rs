//! Every key of the file changes the model: a key that is read and forgotten is found here.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use loom_config::{Config, Loader};

use tempfile::TempDir;

use super::{certificates, keys};

mod defaults;
mod plugin_lists;

/// A key, and a file in which it is marked: `<<key: value>>`, or `<<key: one||key: other>>` where it cannot be left out.
const EFFECTS: &[(&str, &str)] = &[
    ("workers", "{<<workers: 4>>}"),
    ("cache_dir", "{<<cache_dir: /var/cache/loom>>}"),
    ("include", "{<<include: none/*.yaml>>}"),
    (
        "listeners[].name",
        "listeners: [{address: '0.0.0.0:80', <<name: web>>}]",
    ),
    (
        "listeners[].address",
        "listeners: [{name: web, <<address: '0.0.0.0:80'||address: '[::1]:81'>>}]",
    ),
    (
        "listeners[].reuse_port",
        "listeners: [{address: '0.0.0.0:80', <<reuse_port: true>>}]",
    ),
    (
        "listeners[].normalize_path.dot_segments",
        "listeners: [{address: '0.0.0.0:80', normalize_path: {<<dot_segments: reject>>}}]",
    ),
    (
        "listeners[].normalize_path.merge_slashes",
        "listeners: [{address: '0.0.0.0:80', normalize_path: {<<merge_slashes: false>>}}]",
    ),
    (
        "listeners[].normalize_path.escaped_slashes",
        "listeners: [{address: '0.0.0.0:80', normalize_path: {<<escaped_slashes: unescape>>}}]",
    ),
    (
        "listeners[].mode",
        "listeners: [{address: 'unix:/run/a', <<mode: '0660'>>}]",
    ),
    (
        "listeners[].trusted_proxies",
        "listeners: [{address: '0.0.0.0:80', <<trusted_proxies: 10.0.0.0/8>>}]",
    ),
    (
        "listeners[].proxy_protocol.from",
        "listeners: [{address: '0.0.0.0:80', proxy_protocol: {<<from: 10.0.0.0/8>>}}]",
    ),
    (
        "listeners[].proxy_protocol.timeout",
        "listeners: [{address: '0.0.0.0:80', proxy_protocol: {<<timeout: 1s>>}}]",
    ),
    (
        "listeners[].limits.connections",
        "listeners: [{address: '0.0.0.0:80', limits: {<<connections: 5>>}}]",
    ),
    (
        "listeners[].limits.header_timeout",
        "listeners: [{address: '0.0.0.0:80', limits: {<<header_timeout: 5s>>}}]",
    ),
    (
        "listeners[].limits.header_bytes",
        "listeners: [{address: '0.0.0.0:80', limits: {<<header_bytes: 8KiB>>}}]",
    ),
    (
        "listeners[].limits.connections_per_address",
        "listeners: [{address: '0.0.0.0:80', limits: {<<connections_per_address: 5>>}}]",
    ),
    (
        "listeners[].limits.idle_timeout",
        "listeners: [{address: '0.0.0.0:80', limits: {<<idle_timeout: 5s>>}}]",
    ),
    (
        "listeners[].limits.send_timeout",
        "listeners: [{address: '0.0.0.0:80', limits: {<<send_timeout: 5s>>}}]",
    ),
    (
        "listeners[].limits.requests_per_connection",
        "listeners: [{address: '0.0.0.0:80', limits: {<<requests_per_connection: 5>>}}]",
    ),
    (
        "listeners[].limits.header_count",
        "listeners: [{address: '0.0.0.0:80', limits: {<<header_count: 5>>}}]",
    ),
    (
        "listeners[].limits.uri_length",
        "listeners: [{address: '0.0.0.0:80', limits: {<<uri_length: 500>>}}]",
    ),
    (
        "listeners[].limits.http2.max_concurrent_streams",
        "listeners: [{address: '0.0.0.0:80', limits: {http2: {<<max_concurrent_streams: 5>>}}}]",
    ),
    (
        "listeners[].limits.http2.max_reset_streams",
        "listeners: [{address: '0.0.0.0:80', limits: {http2: {<<max_reset_streams: 5>>}}}]",
    ),
    (
        "listeners[].limits.http2.initial_stream_window",
        "listeners: [{address: '0.0.0.0:80', limits: {http2: {<<initial_stream_window: 64KiB>>}}}]",
    ),
    (
        "listeners[].limits.http2.initial_connection_window",
        "listeners: [{address: '0.0.0.0:80', limits: {http2: {<<initial_connection_window: 64KiB>>}}}]",
    ),
    (
        "listeners[].limits.http2.keep_alive_interval",
        "listeners: [{address: '0.0.0.0:80', limits: {http2: {<<keep_alive_interval: 5s>>}}}]",
    ),
    (
        "listeners[].limits.http2.keep_alive_timeout",
        "listeners: [{address: '0.0.0.0:80', limits: {http2: {<<keep_alive_timeout: 5s>>}}}]",
    ),
    (
        "listeners[].limits.http2.max_header_list_size",
        "listeners: [{address: '0.0.0.0:80', limits: {http2: {<<max_header_list_size: 8KiB>>}}}]",
    ),
    (
        "listeners[].redirect_https.port",
        "listeners: [{address: '0.0.0.0:80', redirect_https: {<<port: 8443>>}}]",
    ),
    (
        "listeners[].tls.client_auth.forward",
        "listeners: [{address: '0.0.0.0:80', tls: {certificates: [{cert_file: a.pem, key_file: a.key}], client_auth: {ca_file: a.pem, <<forward: set>>}}}]",
    ),
    (
        "listeners[].limits.tls_handshake_timeout",
        "listeners: [{address: '0.0.0.0:80', tls: {certificates: [{cert_file: a.pem, key_file: a.key}]}, limits: {<<tls_handshake_timeout: 5s>>}}]",
    ),
    (
        "listeners[].tls.certificates[].cert_file",
        "listeners: [{address: '0.0.0.0:80', tls: {certificates: [{<<cert_file: a.pem||cert_file: other.pem>>, key_file: a.key}]}}]",
    ),
    (
        "listeners[].tls.certificates[].key_file",
        "listeners: [{address: '0.0.0.0:80', tls: {certificates: [{<<cert_file: a.pem, key_file: a.key||cert_file: b.pem, key_file: b.key>>}]}}]",
    ),
    (
        "listeners[].tls.min_version",
        "listeners: [{address: '0.0.0.0:80', tls: {certificates: [{cert_file: a.pem, key_file: a.key}], <<min_version: '1.3'>>}}]",
    ),
    (
        "listeners[].tls.client_auth.mode",
        "listeners: [{address: '0.0.0.0:80', tls: {certificates: [{cert_file: a.pem, key_file: a.key}], client_auth: {ca_file: a.pem, <<mode: optional>>}}}]",
    ),
    (
        "listeners[].tls.client_auth.ca_file",
        "listeners: [{address: '0.0.0.0:80', tls: {certificates: [{cert_file: a.pem, key_file: a.key}], client_auth: {<<ca_file: a.pem||ca_file: b.pem>>}}}]",
    ),
    (
        "plugins[].name",
        "plugins: [{path: a.wasm, <<name: a||name: b>>}]",
    ),
    (
        "plugins[].path",
        "plugins: [{name: a, <<path: a.wasm||path: b.wasm>>}]",
    ),
    (
        "plugins[].url",
        "plugins: [{name: a, sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, <<url: 'http://a/b.wasm'||url: 'https://a/b.wasm'>>}]",
    ),
    (
        "plugins[].sha256",
        "plugins: [{name: a, path: a.wasm, <<sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef>>}]",
    ),
    (
        "plugins[].fetch_timeout",
        "plugins: [{name: a, url: 'http://a/b.wasm', sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, <<fetch_timeout: 5s>>}]",
    ),
    (
        "plugins[].phase",
        "plugins: [{name: a, path: a.wasm, <<phase: on_log>>}]",
    ),
    (
        "plugins[].priority",
        "plugins: [{name: a, path: a.wasm, <<priority: -1>>}]",
    ),
    (
        "plugins[].memory_limit",
        "plugins: [{name: a, path: a.wasm, <<memory_limit: 16MB>>}]",
    ),
    (
        "plugins[].timeout",
        "plugins: [{name: a, path: a.wasm, <<timeout: 50ms>>}]",
    ),
    (
        "plugins[].log_level",
        "plugins: [{name: a, path: a.wasm, <<log_level: debug>>}]",
    ),
    (
        "plugins[].failure_policy",
        "plugins: [{name: a, path: a.wasm, <<failure_policy: open>>}]",
    ),
    (
        "plugins[].config",
        "plugins: [{name: a, path: a.wasm, <<config: {a: 1}>>}]",
    ),
    (
        "plugins[].start_timeout",
        "plugins: [{name: a, path: a.wasm, <<start_timeout: 5s>>}]",
    ),
    (
        "plugins[].pause_timeout",
        "plugins: [{name: a, path: a.wasm, <<pause_timeout: 5s>>}]",
    ),
    (
        "plugins[].max_buffered_body",
        "plugins: [{name: a, path: a.wasm, <<max_buffered_body: 64KiB>>}]",
    ),
    (
        "plugins[].instances",
        "plugins: [{name: a, path: a.wasm, <<instances: 1>>}]",
    ),
    (
        "plugins[].request_body",
        "plugins: [{name: a, path: a.wasm, <<request_body: before_inner>>}]",
    ),
    (
        "plugins[].allow_on_headers_stop_iteration",
        "plugins: [{name: a, path: a.wasm, <<allow_on_headers_stop_iteration: true>>}]",
    ),
    (
        "plugins[].header_values",
        "plugins: [{name: a, path: a.wasm, <<header_values: lossy>>}]",
    ),
    (
        "plugins[].strict_imports",
        "plugins: [{name: a, path: a.wasm, <<strict_imports: true>>}]",
    ),
    (
        "plugins[].service",
        "plugins: [{name: a, path: a.wasm, <<service: true>>}]",
    ),
    (
        "plugins[].env",
        "plugins: [{name: a, path: a.wasm, <<env: {A: b}>>}]",
    ),
    (
        "plugins[].root_id",
        "plugins: [{name: a, path: a.wasm, <<root_id: limit>>}]",
    ),
    (
        "plugins[].vm_id",
        "plugins: [{name: a, path: a.wasm, <<vm_id: shared>>}]",
    ),
    (
        "plugins[].vm_configuration",
        "plugins: [{name: a, path: a.wasm, <<vm_configuration: {a: 1}>>}]",
    ),
    (
        "plugin_sets",
        "plugins: [{name: a, path: a.wasm}, {name: b, path: b.wasm, priority: 1}]\nplugin_sets: {<<s: [a]||s: [b]>>}\nroutes: [{id: a, path: /*, upstream: e, plugins: [{set: s}]}]",
    ),
    (
        "routes[].inherit_plugins",
        "plugins: [{name: a, path: a.wasm}, {name: b, path: b.wasm, priority: 1}]\ndefaults: {plugins: [a]}\nroutes: [{id: a, path: /*, upstream: e, <<inherit_plugins: false>>}]",
    ),
    (
        "routes[].id",
        "routes: [{path: /*, upstream: e, <<id: a||id: b>>}]",
    ),
    (
        "routes[].path[].regex",
        "routes: [{id: a, upstream: e, path: [{<<regex: /a||regex: '/a$$'>>}]}]",
    ),
    (
        "routes[].host",
        "routes: [{id: a, path: /*, upstream: e, <<host: example.com>>}]",
    ),
    (
        "routes[].methods",
        "routes: [{id: a, path: /*, upstream: e, <<methods: GET>>}]",
    ),
    (
        "routes[].order",
        "routes: [{id: a, path: /*, upstream: e, <<order: -1>>}]",
    ),
    (
        "routes[].headers[].name",
        "routes: [{id: a, path: /*, upstream: e, headers: [{present: true, <<name: a||name: b>>}]}]",
    ),
    (
        "routes[].headers[].exact",
        "routes: [{id: a, path: /*, upstream: e, headers: [{name: a, <<exact: a||exact: b>>}]}]",
    ),
    (
        "routes[].headers[].regex",
        "routes: [{id: a, path: /*, upstream: e, headers: {name: a, <<regex: 'a$$'||regex: 'a$'>>}}]",
    ),
    (
        "routes[].headers[].present",
        "routes: [{id: a, path: /*, upstream: e, headers: {name: a, <<present: true||present: false>>}}]",
    ),
    (
        "routes[].query[].name",
        "routes: [{id: a, path: /*, upstream: e, query: [{present: true, <<name: a||name: b>>}]}]",
    ),
    (
        "routes[].query[].exact",
        "routes: [{id: a, path: /*, upstream: e, query: [{name: a, <<exact: a||exact: b>>}]}]",
    ),
    (
        "routes[].query[].regex",
        "routes: [{id: a, path: /*, upstream: e, query: {name: a, <<regex: 'a$$'||regex: 'a$'>>}}]",
    ),
    (
        "routes[].query[].present",
        "routes: [{id: a, path: /*, upstream: e, query: {name: a, <<present: true||present: false>>}}]",
    ),
    (
        "routes[].listeners",
        "listeners: ['0.0.0.0:80', '0.0.0.0:81']\nroutes: [{id: a, path: /*, upstream: e, <<listeners: '0.0.0.0:81'>>}]",
    ),
    (
        "routes[].upstream",
        "routes: [{id: a, path: /*, <<upstream: e||upstream: f>>}]",
    ),
    (
        "routes[].split[].upstream",
        "routes: [{id: a, path: /*, split: [{weight: 1, <<upstream: e||upstream: f>>}]}]",
    ),
    (
        "routes[].split[].weight",
        "routes: [{id: a, path: /*, split: [{upstream: e, <<weight: 1||weight: 2>>}]}]",
    ),
    (
        "routes[].redirect.to",
        "routes: [{id: a, path: /*, redirect: {<<to: /a||to: '/b$$'>>}}]",
    ),
    (
        "routes[].redirect.scheme",
        "routes: [{id: a, path: /*, redirect: {host: a, <<scheme: https>>}}]",
    ),
    (
        "routes[].redirect.host",
        "routes: [{id: a, path: /*, redirect: {scheme: https, <<host: a>>}}]",
    ),
    (
        "routes[].redirect.path",
        "routes: [{id: a, path: /*, redirect: {scheme: https, <<path: /a>>}}]",
    ),
    (
        "routes[].redirect.status",
        "routes: [{id: a, path: /*, redirect: {to: /a, <<status: 308>>}}]",
    ),
    (
        "routes[].respond.status",
        "routes: [{id: a, path: /*, respond: {<<status: 404>>}}]",
    ),
    (
        "routes[].respond.body",
        "routes: [{id: a, path: /*, respond: {<<body: text>>}}]",
    ),
    (
        "routes[].respond.headers",
        "routes: [{id: a, path: /*, respond: {<<headers: {x-a: [b, c]}>>}}]",
    ),
    (
        "routes[].strip_prefix",
        "routes: [{id: a, path: /*, upstream: e, <<strip_prefix: /api>>}]",
    ),
    (
        "routes[].rewrite.regex",
        "routes: [{id: a, path: /*, upstream: e, rewrite: {with: /a, <<regex: a||regex: a$$>>}}]",
    ),
    (
        "routes[].rewrite.with",
        "routes: [{id: a, path: /*, upstream: e, rewrite: {regex: '(a)', <<with: '/a'||with: '/{1}'>>}}]",
    ),
    (
        "routes[].host_header.set",
        "routes: [{id: a, path: /*, upstream: e, host_header: {<<set: a||set: b>>}}]",
    ),
    (
        "routes[].request_headers.set",
        "routes: [{id: a, path: /*, upstream: e, request_headers: {remove: x-z, <<set: {x-a: b}>>}}]",
    ),
    (
        "routes[].request_headers.add",
        "routes: [{id: a, path: /*, upstream: e, request_headers: {remove: x-z, <<add: {x-a: [b, c]}>>}}]",
    ),
    (
        "routes[].request_headers.remove",
        "routes: [{id: a, path: /*, upstream: e, request_headers: {set: {x-z: a}, <<remove: x-a>>}}]",
    ),
    (
        "routes[].response_headers.set",
        "routes: [{id: a, path: /*, upstream: e, response_headers: {remove: x-z, <<set: {x-a: b}>>}}]",
    ),
    (
        "routes[].response_headers.add",
        "routes: [{id: a, path: /*, upstream: e, response_headers: {remove: x-z, <<add: {x-a: [b, c]}>>}}]",
    ),
    (
        "routes[].response_headers.remove",
        "routes: [{id: a, path: /*, upstream: e, response_headers: {set: {x-z: a}, <<remove: x-a>>}}]",
    ),
    (
        "routes[].idle_timeout",
        "routes: [{id: a, path: /*, upstream: e, <<idle_timeout: 30s>>}]",
    ),
    (
        "routes[].timeout",
        "routes: [{id: a, path: /*, upstream: e, <<timeout: 30s>>}]",
    ),
    (
        "routes[].ip_allow",
        "routes: [{id: a, path: /*, upstream: e, <<ip_allow: 10.0.0.0/8>>}]",
    ),
    (
        "routes[].ip_deny",
        "routes: [{id: a, path: /*, upstream: e, <<ip_deny: [10.0.0.7]>>}]",
    ),
    (
        "routes[].max_body",
        "routes: [{id: a, path: /*, upstream: e, <<max_body: 1MiB>>}]",
    ),
    (
        "defaults.ip_allow",
        "defaults: {<<ip_allow: 10.0.0.0/8>>}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.ip_deny",
        "defaults: {<<ip_deny: [10.0.0.7]>>}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.max_body",
        "defaults: {<<max_body: 1MiB>>}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].rate_limit.requests",
        "routes: [{id: a, path: /*, upstream: e, rate_limit: {<<requests: 1||requests: 2>>}}]",
    ),
    (
        "defaults.rate_limit.requests",
        "defaults: {rate_limit: {<<requests: 1||requests: 2>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].rate_limit.per",
        "routes: [{id: a, path: /*, upstream: e, rate_limit: {requests: 1, <<per: 1m>>}}]",
    ),
    (
        "defaults.rate_limit.per",
        "defaults: {rate_limit: {requests: 1, <<per: 1m>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].rate_limit.burst",
        "routes: [{id: a, path: /*, upstream: e, rate_limit: {requests: 1, <<burst: 5>>}}]",
    ),
    (
        "defaults.rate_limit.burst",
        "defaults: {rate_limit: {requests: 1, <<burst: 5>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].rate_limit.by.header",
        "routes: [{id: a, path: /*, upstream: e, rate_limit: {requests: 1, by: {<<header: a||header: b>>}}}]",
    ),
    (
        "defaults.rate_limit.by.header",
        "defaults: {rate_limit: {requests: 1, by: {<<header: a||header: b>>}}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].cors.origins",
        "routes: [{id: a, path: /*, upstream: e, cors: {<<origins: '*'||origins: 'https://a.example'>>}}]",
    ),
    (
        "defaults.cors.origins",
        "defaults: {cors: {<<origins: '*'||origins: 'https://a.example'>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].cors.methods",
        "routes: [{id: a, path: /*, upstream: e, cors: {origins: '*', <<methods: PUT>>}}]",
    ),
    (
        "defaults.cors.methods",
        "defaults: {cors: {origins: '*', <<methods: PUT>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].cors.headers",
        "routes: [{id: a, path: /*, upstream: e, cors: {origins: '*', <<headers: '*'>>}}]",
    ),
    (
        "defaults.cors.headers",
        "defaults: {cors: {origins: '*', <<headers: '*'>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].cors.expose_headers",
        "routes: [{id: a, path: /*, upstream: e, cors: {origins: '*', <<expose_headers: [x-a]>>}}]",
    ),
    (
        "defaults.cors.expose_headers",
        "defaults: {cors: {origins: '*', <<expose_headers: [x-a]>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].cors.credentials",
        "routes: [{id: a, path: /*, upstream: e, cors: {origins: 'https://a.example', <<credentials: true>>}}]",
    ),
    (
        "defaults.cors.credentials",
        "defaults: {cors: {origins: 'https://a.example', <<credentials: true>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].cors.max_age",
        "routes: [{id: a, path: /*, upstream: e, cors: {origins: '*', <<max_age: 1h>>}}]",
    ),
    (
        "defaults.cors.max_age",
        "defaults: {cors: {origins: '*', <<max_age: 1h>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].compression.encodings",
        "routes: [{id: a, path: /*, upstream: e, compression: {<<encodings: gzip>>}}]",
    ),
    (
        "defaults.compression.encodings",
        "defaults: {compression: {<<encodings: gzip>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].compression.min_size",
        "routes: [{id: a, path: /*, upstream: e, compression: {<<min_size: 0>>}}]",
    ),
    (
        "defaults.compression.min_size",
        "defaults: {compression: {<<min_size: 0>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].compression.exclude_types",
        "routes: [{id: a, path: /*, upstream: e, compression: {<<exclude_types: text/csv>>}}]",
    ),
    (
        "defaults.compression.exclude_types",
        "defaults: {compression: {<<exclude_types: text/csv>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].basic_auth.users",
        "routes: [{id: a, path: /*, upstream: e, basic_auth: {<<users: {a: '$2b$04$.....................................................'}||users: {a: '$2b$05$.....................................................'}>>}}]",
    ),
    (
        "defaults.basic_auth.users",
        "defaults: {basic_auth: {<<users: {a: '$2b$04$.....................................................'}||users: {a: '$2b$05$.....................................................'}>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].basic_auth.realm",
        "routes: [{id: a, path: /*, upstream: e, basic_auth: {users: {a: '$2b$04$.....................................................'}, <<realm: staff>>}}]",
    ),
    (
        "defaults.basic_auth.realm",
        "defaults: {basic_auth: {users: {a: '$2b$04$.....................................................'}, <<realm: staff>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].basic_auth.user_header",
        "routes: [{id: a, path: /*, upstream: e, basic_auth: {users: {a: '$2b$04$.....................................................'}, <<user_header: x-user>>}}]",
    ),
    (
        "defaults.basic_auth.user_header",
        "defaults: {basic_auth: {users: {a: '$2b$04$.....................................................'}, <<user_header: x-user>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].basic_auth.forward_credentials",
        "routes: [{id: a, path: /*, upstream: e, basic_auth: {users: {a: '$2b$04$.....................................................'}, <<forward_credentials: true>>}}]",
    ),
    (
        "defaults.basic_auth.forward_credentials",
        "defaults: {basic_auth: {users: {a: '$2b$04$.....................................................'}, <<forward_credentials: true>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].basic_auth.users_file",
        "routes: [{id: a, path: /*, upstream: e, basic_auth: {users: {a: '$2b$04$.....................................................'}, <<users_file: '${FOLDER}/users'>>}}]",
    ),
    (
        "defaults.basic_auth.users_file",
        "defaults: {basic_auth: {users: {a: '$2b$04$.....................................................'}, <<users_file: '${FOLDER}/users'>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].jwt.secret",
        "routes: [{id: a, path: /*, upstream: e, jwt: {<<secret: 0123456789abcdef0123456789abcdef||secret: x0123456789abcdef0123456789abcdef>>}}]",
    ),
    (
        "defaults.jwt.secret",
        "defaults: {jwt: {<<secret: 0123456789abcdef0123456789abcdef||secret: x0123456789abcdef0123456789abcdef>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].jwt.key_file",
        "routes: [{id: a, path: /*, upstream: e, jwt: {<<key_file: '${FOLDER}/public.pem'||secret: 0123456789abcdef0123456789abcdef>>}}]",
    ),
    (
        "defaults.jwt.key_file",
        "defaults: {jwt: {<<key_file: '${FOLDER}/public.pem'||secret: 0123456789abcdef0123456789abcdef>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].jwt.jwks_file",
        "routes: [{id: a, path: /*, upstream: e, jwt: {<<jwks_file: '${FOLDER}/keys.json'||secret: 0123456789abcdef0123456789abcdef>>}}]",
    ),
    (
        "defaults.jwt.jwks_file",
        "defaults: {jwt: {<<jwks_file: '${FOLDER}/keys.json'||secret: 0123456789abcdef0123456789abcdef>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].jwt.issuer",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, <<issuer: a>>}}]",
    ),
    (
        "defaults.jwt.issuer",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, <<issuer: a>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].jwt.audience",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, <<audience: [a, b]>>}}]",
    ),
    (
        "defaults.jwt.audience",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, <<audience: [a, b]>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].jwt.algorithms",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, <<algorithms: HS512>>}}]",
    ),
    (
        "defaults.jwt.algorithms",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, <<algorithms: HS512>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].jwt.leeway",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, <<leeway: 0s>>}}]",
    ),
    (
        "defaults.jwt.leeway",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, <<leeway: 0s>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].jwt.require",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, <<require: sub>>}}]",
    ),
    (
        "defaults.jwt.require",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, <<require: sub>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].jwt.from.header",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, from: {<<header: a||header: b>>}}}]",
    ),
    (
        "defaults.jwt.from.header",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, from: {<<header: a||header: b>>}}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].jwt.from.cookie",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, from: {<<cookie: a||cookie: b>>}}}]",
    ),
    (
        "defaults.jwt.from.cookie",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, from: {<<cookie: a||cookie: b>>}}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].jwt.from.query",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, from: {<<query: a||query: b>>}}}]",
    ),
    (
        "defaults.jwt.from.query",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, from: {<<query: a||query: b>>}}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].jwt.forward",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, <<forward: {x-user: sub}>>}}]",
    ),
    (
        "defaults.jwt.forward",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, <<forward: {x-user: sub}>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].jwt.forward_token",
        "routes: [{id: a, path: /*, upstream: e, jwt: {secret: 0123456789abcdef0123456789abcdef, <<forward_token: false>>}}]",
    ),
    (
        "defaults.jwt.forward_token",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, <<forward_token: false>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].retry.attempts",
        "routes: [{id: a, path: /*, upstream: e, retry: {<<attempts: 3>>}}]",
    ),
    (
        "routes[].retry.when",
        "routes: [{id: a, path: /*, upstream: e, retry: {<<when: [timeout, 503]>>}}]",
    ),
    (
        "routes[].retry.back_off",
        "routes: [{id: a, path: /*, upstream: e, retry: {<<back_off: 1s>>}}]",
    ),
    (
        "routes[].retry.budget",
        "routes: [{id: a, path: /*, upstream: e, retry: {<<budget: 50%>>}}]",
    ),
    (
        "routes[].retry.max_body",
        "routes: [{id: a, path: /*, upstream: e, retry: {<<max_body: 1KiB>>}}]",
    ),
    (
        "upstreams[].name",
        "upstreams: [{endpoints: 'a:1', <<name: a||name: b>>}]",
    ),
    (
        "upstreams[].endpoints[].address",
        "upstreams: [{name: a, endpoints: [{<<address: 'a:1'||address: 'a:2'>>}]}]",
    ),
    (
        "upstreams[].endpoints[].weight",
        "upstreams: [{name: a, endpoints: [{address: 'a:1', <<weight: 3>>}]}]",
    ),
    (
        "upstreams[].load_balancer.policy",
        "upstreams: [{name: a, endpoints: 'a:1', load_balancer: {<<policy: random>>}}]",
    ),
    (
        "upstreams[].load_balancer.hash_on[].header",
        "upstreams: [{name: a, endpoints: 'a:1', load_balancer: {policy: consistent_hash, hash_on: [{<<header: a||header: b>>}]}}]",
    ),
    (
        "upstreams[].load_balancer.hash_on[].cookie",
        "upstreams: [{name: a, endpoints: 'a:1', load_balancer: {policy: consistent_hash, hash_on: [{<<cookie: a||cookie: b>>}]}}]",
    ),
    (
        "upstreams[].load_balancer.hash_on[].query",
        "upstreams: [{name: a, endpoints: 'a:1', load_balancer: {policy: consistent_hash, hash_on: [{<<query: a||query: b>>}]}}]",
    ),
    (
        "upstreams[].health_check.http.path",
        "upstreams: [{name: a, endpoints: 'a:1', health_check: {http: {<<path: /a||path: /b>>}}}]",
    ),
    (
        "upstreams[].health_check.http.statuses",
        "upstreams: [{name: a, endpoints: 'a:1', health_check: {http: {path: /, <<statuses: 204>>}}}]",
    ),
    (
        "upstreams[].health_check.interval",
        "upstreams: [{name: a, endpoints: 'a:1', health_check: {<<interval: 1s>>}}]",
    ),
    (
        "upstreams[].health_check.timeout",
        "upstreams: [{name: a, endpoints: 'a:1', health_check: {<<timeout: 1s>>}}]",
    ),
    (
        "upstreams[].health_check.healthy_threshold",
        "upstreams: [{name: a, endpoints: 'a:1', health_check: {<<healthy_threshold: 1>>}}]",
    ),
    (
        "upstreams[].health_check.unhealthy_threshold",
        "upstreams: [{name: a, endpoints: 'a:1', health_check: {<<unhealthy_threshold: 1>>}}]",
    ),
    (
        "upstreams[].outlier_detection.consecutive_errors",
        "upstreams: [{name: a, endpoints: 'a:1', outlier_detection: {<<consecutive_errors: 1>>}}]",
    ),
    (
        "upstreams[].outlier_detection.base_ejection",
        "upstreams: [{name: a, endpoints: 'a:1', outlier_detection: {<<base_ejection: 1s>>}}]",
    ),
    (
        "upstreams[].outlier_detection.max_ejected",
        "upstreams: [{name: a, endpoints: 'a:1', outlier_detection: {<<max_ejected: 100%>>}}]",
    ),
    (
        "upstreams[].panic_threshold",
        "upstreams: [{name: a, endpoints: 'a:1', health_check: {interval: 1s}, <<panic_threshold: 50%>>}]",
    ),
    (
        "upstreams[].protocol",
        "upstreams: [{name: a, endpoints: 'a:1', <<protocol: http2>>}]",
    ),
    (
        "upstreams[].tls.server_name",
        "upstreams: [{name: a, endpoints: 'a.test:443', tls: {<<server_name: b.test>>}}]",
    ),
    (
        "upstreams[].tls.ca_file",
        "upstreams: [{name: a, endpoints: 'a.test:443', tls: {<<ca_file: a.pem>>}}]",
    ),
    (
        "upstreams[].tls.cert_file",
        "upstreams: [{name: a, endpoints: 'a.test:443', tls: {<<cert_file: a.pem||cert_file: other.pem>>, key_file: a.key}}]",
    ),
    (
        "upstreams[].tls.key_file",
        "upstreams: [{name: a, endpoints: 'a.test:443', tls: {<<cert_file: a.pem, key_file: a.key>>}}]",
    ),
    (
        "upstreams[].tls.verify",
        "upstreams: [{name: a, endpoints: 'a.test:443', tls: {<<verify: false>>}}]",
    ),
    (
        "upstreams[].tls.alpn",
        "upstreams: [{name: a, endpoints: 'a.test:443', tls: {<<alpn: http/1.1>>}}]",
    ),
    (
        "upstreams[].limits.connections",
        "upstreams: [{name: a, endpoints: 'a:1', limits: {<<connections: 1||connections: 2>>}}]",
    ),
    (
        "upstreams[].limits.pending",
        "upstreams: [{name: a, endpoints: 'a:1', limits: {connections: 1, <<pending: 0>>}}]",
    ),
    (
        "upstreams[].timeouts.per_try",
        "upstreams: [{name: a, endpoints: 'a:1', timeouts: {<<per_try: 1s>>}}]",
    ),
    (
        "upstreams[].resolve_interval",
        "upstreams: [{name: a, endpoints: 'a:1', <<resolve_interval: 5s>>}]",
    ),
    (
        "upstreams[].builtin",
        "upstreams: [{name: a, <<endpoints: 'a:1'||builtin: echo>>}]",
    ),
    (
        "upstreams[].timeouts.connect",
        "upstreams: [{name: a, endpoints: 'a:1', timeouts: {<<connect: 1s>>}}]",
    ),
    (
        "upstreams[].timeouts.idle",
        "upstreams: [{name: a, endpoints: 'a:1', timeouts: {<<idle: 1s>>}}]",
    ),
    ("access_log.format", "access_log: {<<format: text>>}"),
    ("access_log.path", "access_log: {<<path: stderr>>}"),
    ("access_log.fields", "access_log: {<<fields: [path]>>}"),
    (
        "admin.address",
        "admin: {<<address: '127.0.0.1:1'||address: '127.0.0.1:2'>>}",
    ),
    (
        "admin.token",
        "admin: {address: '127.0.0.1:1', <<token: 0123456789abcdef>>}",
    ),
    (
        "tracing.otlp_endpoint",
        "tracing: {<<otlp_endpoint: 'http://a:1'||otlp_endpoint: 'http://a:2'>>}",
    ),
    (
        "tracing.sample",
        "tracing: {otlp_endpoint: 'http://a:1', <<sample: 0.1%>>}",
    ),
    (
        "tracing.service_name",
        "tracing: {otlp_endpoint: 'http://a:1', <<service_name: edge>>}",
    ),
    ("error_header", "{<<error_header: false>>}"),
    ("log.level", "log: {<<level: debug>>}"),
    ("log.format", "log: {<<format: json>>}"),
    (
        "shutdown.drain_timeout",
        "shutdown: {<<drain_timeout: 0s>>}",
    ),
    ("reload.watch", "reload: {<<watch: false>>}"),
    ("shutdown.delay", "shutdown: {<<delay: 5s>>}"),
];

/// Where the files that rows name are: `a` and `b` are certificates with their keys, `other` another one for the key of `a`.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a", "b"] {
        certificates::write(folder.path(), name);
    }
    certificates::write_another(folder.path(), "a", "other");
    folder
});

/// For the rows that are about routes.
const UPSTREAMS: &str = "\nupstreams: [{name: e, builtin: echo}, {name: f, builtin: echo}]\n";

/// Those of this file, and those that stand in several lists.
fn effects() -> Vec<(String, String)> {
    let own = EFFECTS.iter();
    let own = own.map(|(key, file)| ((*key).to_owned(), (*file).to_owned()));
    own.chain(plugin_lists::all())
        .chain(defaults::all())
        .collect()
}

#[test]
fn every_key_is_covered() {
    let mut expected: BTreeSet<String> = keys::values().into_keys().collect();
    // It has one value only, so nothing can change: that another one is refused is among the bad files.
    expected.remove("version");
    let covered: BTreeSet<String> = effects().into_iter().map(|(key, _)| key).collect();
    assert_eq!(covered, expected);
}

#[test]
fn every_key_changes_the_model() {
    for (key, text) in effects() {
        let (before, marked, after) = split(&text);
        let (without, with) = marked.split_once("||").unwrap_or(("", marked));
        let model = |part: &str| load(&format!("{before}{part}{after}"));
        assert_ne!(model(without), model(with), "{key} has no effect");
    }
}

#[test]
fn the_defaults_of_the_schema_are_those_of_the_model() {
    let keys = keys::values();
    let mut checked = 0;
    for (key, text) in effects() {
        let default = &keys[&key]["default"];
        if default.is_null() {
            continue;
        }
        checked += 1;
        let (before, marked, after) = split(&text);
        let name = marked.split(':').next().unwrap_or_default();
        let model = |part: &str| load(&format!("{before}{part}{after}"));
        assert_eq!(
            model(""),
            model(&format!("{name}: {default}")),
            "{key} has another default"
        );
    }
    assert!(checked >= 10);
}

fn split(text: &str) -> (&str, &str, &str) {
    let (before, rest) = text.split_once("<<").expect("a mark");
    let (marked, after) = rest.split_once(">>").expect("the end of the mark");
    (before, marked, after)
}

fn load(text: &str) -> Config {
    let text = if text.contains("routes:") {
        format!("{text}{UPSTREAMS}")
    } else {
        text.to_owned()
    };
    // Where the files lie that some keys name.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files");
    Loader::new([("FOLDER".to_owned(), folder.to_owned())])
        .parse(FOLDER.path().join("loom.yaml"), &text)
        .unwrap_or_else(|error| panic!("{text}\n{error}"))
}
