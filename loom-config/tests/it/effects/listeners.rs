//! The keys of listeners, but for their plugins.

use super::Effect;

pub(super) const EFFECTS: &[Effect] = &[
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
        "listeners[].limits.body_timeout",
        "listeners: [{address: '0.0.0.0:80', limits: {<<body_timeout: 30s>>}}]",
    ),
    (
        "listeners[].limits.body_rate",
        "listeners: [{address: '0.0.0.0:80', limits: {body_timeout: 30s, <<body_rate: 1KiB>>}}]",
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
        "listeners[].limits.http2.stream_send_timeout",
        "listeners: [{address: '0.0.0.0:80', limits: {http2: {<<stream_send_timeout: 1m>>}}}]",
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
        "listeners: [{address: '0.0.0.0:80', tls: {certificates: [{cert_file: a.pem, key_file: a.key}], client_auth: {ca_file: a.pem, <<forward: [subject, cert]||forward: set>>}}}]",
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
];
