//! Every key of `loom.yaml` has a test that shows what it does in a running gateway.
//!
//! Tests say with [`shows`] which keys they show. A key of the schema that no test shows is found here, and a test that does
//! not speak of its key. What the pairs are worth is found by the test that takes longer: it runs each of them once more with
//! the key taken out of all configurations, and a test that passes all the same shows nothing.

mod runs;
#[path = "../../../../loom-config/tests/it/keys.rs"]
mod schema;
mod sources;

use std::collections::BTreeSet;

use super::support::{program, without};
use super::{
    access_log, actions, admin, cli, clients, connections, defaults, failures, hostile, middleware,
    paths, plugin_keys, plugin_lists, plugin_overrides, plugin_urls, plugins, pools,
    proxy_protocol, redirect_https, reload, requests, routing, shutdown, sockets, tls, tracing,
    upstreams,
};

/// A test, and keys of which it shows what they do.
#[derive(Debug)]
pub(super) struct Shows {
    pub(super) test: &'static str,
    pub(super) file: &'static str,
    /// Where the keys stand, such as `routes[].cors`: each of these places is shown.
    pub(super) places: &'static [&'static str],
    pub(super) keys: &'static [(&'static str, Instead)],
}

/// What stands in a key's place when the test has to miss it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Instead {
    /// The key is left out.
    Nothing,
    /// This, in YAML: a configuration cannot be without the key.
    Value(&'static str),
    /// There is one value only, and a configuration without it is refused.
    Refused,
}

/// Says that a test shows keys: `[places]: keys => test`. Behind a key that a configuration cannot be without stands
/// `or` and another value, or `only` where there is no other one.
macro_rules! shows {
    ($([$($place:literal),+]: $($key:literal $($how:ident $($value:literal)?)?),+ => $test:ident;)+) => {
        pub(crate) const KEYS: &[$crate::gateway::keys::Shows] = &[$({
            // A test that is gone does not compile.
            const _: fn() = $test;
            $crate::gateway::keys::Shows {
                test: concat!(module_path!(), "::", stringify!($test)),
                file: file!(),
                places: &[$($place),+],
                keys: &[$(($key, $crate::gateway::keys::instead!($($how $($value)?)?))),+],
            }
        }),+];
    };
}

macro_rules! instead {
    () => {
        $crate::gateway::keys::Instead::Nothing
    };
    (or $value:literal) => {
        $crate::gateway::keys::Instead::Value($value)
    };
    (only) => {
        $crate::gateway::keys::Instead::Refused
    };
}

pub(super) use {instead, shows};

/// Those of all tests.
const SHOWS: &[&[Shows]] = &[
    access_log::KEYS,
    actions::KEYS,
    admin::KEYS,
    cli::KEYS,
    clients::KEYS,
    connections::heads::KEYS,
    connections::http2::KEYS,
    connections::lives::KEYS,
    connections::places::KEYS,
    defaults::KEYS,
    failures::KEYS,
    hostile::slow_bodies::KEYS,
    hostile::windows::KEYS,
    middleware::basic_auth::KEYS,
    middleware::body_limit::KEYS,
    middleware::compression::KEYS,
    middleware::cors::KEYS,
    middleware::jwt::KEYS,
    middleware::networks::KEYS,
    middleware::rate_limit::KEYS,
    paths::KEYS,
    plugin_keys::KEYS,
    plugin_lists::KEYS,
    plugin_overrides::KEYS,
    plugin_urls::KEYS,
    plugins::KEYS,
    pools::KEYS,
    proxy_protocol::KEYS,
    redirect_https::KEYS,
    reload::files::KEYS,
    requests::KEYS,
    routing::KEYS,
    shutdown::KEYS,
    sockets::KEYS,
    tls::choice::KEYS,
    tls::clients::KEYS,
    tls::forward::KEYS,
    tls::handshakes::KEYS,
    tracing::KEYS,
    upstreams::balancing::KEYS,
    upstreams::health::KEYS,
    upstreams::health_grpc::KEYS,
    upstreams::http2::KEYS,
    upstreams::limits::KEYS,
    upstreams::retries::KEYS,
    upstreams::tls::KEYS,
];

/// One key, and the test that shows what it does.
struct Shown {
    key: String,
    instead: Instead,
    /// As the program of the tests knows it.
    test: &'static str,
    file: &'static str,
}

fn shown() -> impl Iterator<Item = Shown> {
    SHOWS.iter().copied().flatten().flat_map(|shows| {
        let places = shows.places.iter();
        places.flat_map(move |place| {
            shows.keys.iter().map(move |&(key, instead)| Shown {
                key: if place.is_empty() {
                    key.to_owned()
                } else {
                    format!("{place}.{key}")
                },
                instead,
                test: shows
                    .test
                    .split_once("::")
                    .map_or(shows.test, |(_, test)| test),
                file: shows.file,
            })
        })
    })
}

#[test]
fn every_key_is_shown_by_a_test() {
    let mut keys: BTreeSet<String> = schema::values().into_keys().collect();
    // It has one value only, so nothing can change: that another one is refused is among the bad files.
    keys.remove("version");
    let mut known = BTreeSet::new();
    for Shown { key, test, .. } in shown() {
        assert!(keys.contains(&key), "{test} shows `{key}`, which is no key");
        assert!(known.insert(key.clone()), "`{key}` is shown twice");
    }
    let missing: Vec<_> = keys.difference(&known).collect();
    assert!(missing.is_empty(), "no test shows {missing:#?}");
}

#[test]
fn each_test_speaks_of_its_keys() {
    let silent: Vec<_> = shown()
        .filter(|shown| !sources::mentions(shown.file, shown.test, &shown.key))
        .map(|Shown { key, test, .. }| format!("{key}: {test}"))
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
#[ignore = "a process for each key"]
fn each_test_misses_its_keys() {
    assert!(!without::is_so(), "one is enough");
    // It is built here, and not by each of the processes.
    program();
    let pairs: Vec<_> = shown().collect();
    let wrong = runs::wrong(&pairs);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
