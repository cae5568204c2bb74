//! Every key of the file changes the model: a key that is read and forgotten is found here.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use loom_config::{Config, Loader};

use tempfile::TempDir;

use super::{certificates, keys};

mod defaults;
mod listeners;
mod plugin_lists;
mod plugins;
mod routes;
mod upstreams;

/// A key, and a file in which it is marked: `<<key: value>>`, or `<<key: one||key: other>>` where it cannot be left out.
type Effect = (&'static str, &'static str);

/// Those of sections that are short.
const EFFECTS: &[Effect] = &[
    ("workers", "{<<workers: 4>>}"),
    ("cache_dir", "{<<cache_dir: /var/cache/loom>>}"),
    ("include", "{<<include: none/*.yaml>>}"),
    (
        "plugin_sets",
        "plugins: [{name: a, path: a.wasm}, {name: b, path: b.wasm, priority: 1}]\nplugin_sets: {<<s: [a]||s: [b]>>}\nroutes: [{id: a, path: /*, upstream: e, plugins: [{set: s}]}]",
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
        "defaults.rate_limit.requests",
        "defaults: {rate_limit: {<<requests: 1||requests: 2>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.rate_limit.per",
        "defaults: {rate_limit: {requests: 1, <<per: 1m>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.rate_limit.burst",
        "defaults: {rate_limit: {requests: 1, <<burst: 5>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.rate_limit.by.header",
        "defaults: {rate_limit: {requests: 1, by: {<<header: a||header: b>>}}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.cors.origins",
        "defaults: {cors: {<<origins: '*'||origins: 'https://a.example'>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.cors.methods",
        "defaults: {cors: {origins: '*', <<methods: PUT>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.cors.headers",
        "defaults: {cors: {origins: '*', <<headers: '*'>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.cors.expose_headers",
        "defaults: {cors: {origins: '*', <<expose_headers: [x-a]>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.cors.credentials",
        "defaults: {cors: {origins: 'https://a.example', <<credentials: true>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.cors.max_age",
        "defaults: {cors: {origins: '*', <<max_age: 1h>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.compression.encodings",
        "defaults: {compression: {<<encodings: gzip>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.compression.min_size",
        "defaults: {compression: {<<min_size: 0>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.compression.exclude_types",
        "defaults: {compression: {<<exclude_types: text/csv>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.basic_auth.users",
        "defaults: {basic_auth: {<<users: {a: '$2b$04$.....................................................'}||users: {a: '$2b$05$.....................................................'}>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.basic_auth.realm",
        "defaults: {basic_auth: {users: {a: '$2b$04$.....................................................'}, <<realm: staff>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.basic_auth.user_header",
        "defaults: {basic_auth: {users: {a: '$2b$04$.....................................................'}, <<user_header: x-user>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.basic_auth.forward_credentials",
        "defaults: {basic_auth: {users: {a: '$2b$04$.....................................................'}, <<forward_credentials: true>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.basic_auth.users_file",
        "defaults: {basic_auth: {users: {a: '$2b$04$.....................................................'}, <<users_file: '${FOLDER}/users'>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.jwt.secret",
        "defaults: {jwt: {<<secret: 0123456789abcdef0123456789abcdef||secret: x0123456789abcdef0123456789abcdef>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.jwt.key_file",
        "defaults: {jwt: {<<key_file: '${FOLDER}/public.pem'||secret: 0123456789abcdef0123456789abcdef>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.jwt.jwks_file",
        "defaults: {jwt: {<<jwks_file: '${FOLDER}/keys.json'||secret: 0123456789abcdef0123456789abcdef>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.jwt.issuer",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, <<issuer: a>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.jwt.audience",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, <<audience: [a, b]>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.jwt.algorithms",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, <<algorithms: HS512>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.jwt.leeway",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, <<leeway: 0s>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.jwt.require",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, <<require: sub>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.jwt.from.header",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, from: {<<header: a||header: b>>}}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.jwt.from.cookie",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, from: {<<cookie: a||cookie: b>>}}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.jwt.from.query",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, from: {<<query: a||query: b>>}}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.jwt.forward",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, <<forward: {x-user: sub}>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
    ),
    (
        "defaults.jwt.forward_token",
        "defaults: {jwt: {secret: 0123456789abcdef0123456789abcdef, <<forward_token: false>>}}\nroutes: [{id: a, path: /*, upstream: e}]",
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
static CERTIFICATES: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a", "b"] {
        certificates::write(folder.path(), name);
    }
    certificates::write_another(folder.path(), "a", "other");
    folder
});

/// For the rows that are about routes.
const UPSTREAMS: &str = "\nupstreams: [{name: e, builtin: echo}, {name: f, builtin: echo}]\n";

/// All of them, those that stand in several lists as well.
fn effects() -> Vec<(String, String)> {
    let own = [
        EFFECTS,
        listeners::EFFECTS,
        plugins::EFFECTS,
        routes::EFFECTS,
        upstreams::EFFECTS,
    ];
    let own = own.into_iter().flatten();
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
        .parse(CERTIFICATES.path().join("loom.yaml"), &text)
        .unwrap_or_else(|error| panic!("{text}\n{error}"))
}
