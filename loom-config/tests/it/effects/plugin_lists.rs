//! The keys of entries in lists of plugins.

const PLUGINS: &str = "plugins: [{name: a, path: a.wasm}, {name: b, path: b.wasm, priority: 1}]\nplugin_sets: {s: [a], t: [b]}\n";

/// Where a list may stand: the key, and the file around an entry.
const LISTS: &[(&str, &str, &str)] = &[
    (
        "listeners[].plugins",
        "listeners: [{address: '0.0.0.0:80', plugins: [",
        "]}]",
    ),
    (
        "defaults.plugins",
        "defaults: {plugins: [",
        "]}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "routes[].plugins",
        "routes: [{id: a, path: /*, upstream: e, plugins: [",
        "]}]",
    ),
];

/// The keys of an entry, marked as everywhere.
const ENTRIES: &[(&str, &str)] = &[
    ("plugin", "{<<plugin: a||plugin: b>>}"),
    ("set", "{<<set: s||set: t>>}"),
    ("id", "{plugin: a, <<id: c>>}"),
    ("config", "{plugin: a, <<config: text>>}"),
    ("priority", "b, {plugin: a, <<priority: 2>>}"),
    ("timeout", "{plugin: a, <<timeout: 5ms>>}"),
    ("failure_policy", "{plugin: a, <<failure_policy: open>>}"),
];

/// Each key of each list with a file in which it is marked.
pub(super) fn all() -> Vec<(String, String)> {
    let of_list = |&(list, before, after): &(&str, &str, &str)| {
        let entries = ENTRIES.iter();
        let rows = entries.map(move |(key, entry)| {
            let file = format!("{PLUGINS}{before}{entry}{after}");
            (format!("{list}[].{key}"), file)
        });
        rows.collect::<Vec<_>>()
    };
    LISTS.iter().flat_map(of_list).collect()
}
