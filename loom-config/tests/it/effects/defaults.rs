//! The keys of `defaults`, but for its plugins.

const KEYS: &[(&str, &str)] = &[
    ("timeout", "<<timeout: 30s>>"),
    ("idle_timeout", "<<idle_timeout: 30s>>"),
    ("retry.attempts", "retry: {<<attempts: 3>>}"),
    ("retry.when", "retry: {<<when: reset>>}"),
    ("retry.back_off", "retry: {<<back_off: 1s>>}"),
    ("retry.budget", "retry: {<<budget: 50%>>}"),
    ("retry.max_body", "retry: {<<max_body: 1KiB>>}"),
    ("host_header.set", "host_header: {<<set: a||set: b>>}"),
    (
        "request_headers.set",
        "request_headers: {remove: x-z, <<set: {x-a: b}>>}",
    ),
    (
        "request_headers.add",
        "request_headers: {remove: x-z, <<add: {x-a: b}>>}",
    ),
    (
        "request_headers.remove",
        "request_headers: {set: {x-z: a}, <<remove: x-a>>}",
    ),
    (
        "response_headers.set",
        "response_headers: {remove: x-z, <<set: {x-a: b}>>}",
    ),
    (
        "response_headers.add",
        "response_headers: {remove: x-z, <<add: {x-a: b}>>}",
    ),
    (
        "response_headers.remove",
        "response_headers: {set: {x-z: a}, <<remove: x-a>>}",
    ),
];

/// Each key with a file in which it is marked.
pub(super) fn all() -> Vec<(String, String)> {
    let row = |&(key, marked): &(&str, &str)| {
        let file = format!("defaults: {{{marked}}}\nroutes: [{{id: a, path: /*, upstream: e}}]");
        (format!("defaults.{key}"), file)
    };
    KEYS.iter().map(row).collect()
}
