//! The keys of upstreams.

use super::Effect;

pub(super) const EFFECTS: &[Effect] = &[
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
        "upstreams[].health_check.grpc.service",
        "upstreams: [{name: a, endpoints: 'a:1', protocol: http2, health_check: {grpc: {<<service: a.B>>}}}]",
    ),
    (
        "upstreams[].health_check.grpc.authority",
        "upstreams: [{name: a, endpoints: 'a:1', protocol: http2, health_check: {grpc: {<<authority: a.test>>}}}]",
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
];
