//! Parts of a configuration, for people and as JSON.

use std::fmt::Display;
use std::time::Duration;

use loom_config::model::{
    Action, Config, Endpoint, EndpointAddress, HostMatch, PluginOverrides, PluginUse, Route, Target,
};
use serde_json::{Value, json};

/// A host as the configuration writes it.
pub(super) fn host(host: Option<&HostMatch>) -> String {
    host.map_or_else(|| "*".to_owned(), ToString::to_string)
}

/// What a route asks for beside host and path.
pub(super) fn conditions(route: &Route) -> Vec<String> {
    let mut all = Vec::new();
    if !route.methods.is_empty() {
        all.push(methods(route));
    }
    all.extend(route.headers.iter().map(|asked| format!("header {asked}")));
    all.extend(route.query.iter().map(|asked| format!("query {asked}")));
    all
}

/// The methods of a route: `GET|HEAD`.
pub(super) fn methods(route: &Route) -> String {
    let names: Vec<_> = route.methods.iter().map(http::Method::as_str).collect();
    names.join("|")
}

/// The plugins of a list in the order in which requests pass them.
pub(super) fn plugins(config: &Config, plugins: &[PluginUse]) -> Value {
    let plugins = plugins.iter().map(|one| {
        json!({
            "name": name(config, one),
            "plugin": config.plugins[one.plugin].name,
            "own": own(&one.overrides),
            "priority": one.priority,
            "inherited": one.inherited,
        })
    });
    plugins.collect()
}

/// The keys that a list sets for a plugin.
fn own(overrides: &PluginOverrides) -> Vec<&'static str> {
    let keys = [
        ("id", overrides.id.is_some()),
        ("config", overrides.config.is_some()),
        ("timeout", overrides.timeout.is_some()),
        ("failure_policy", overrides.failure_policy.is_some()),
    ];
    let there = keys.iter().filter(|(_, there)| *there);
    there.map(|(key, _)| *key).collect()
}

/// What a plugin is called in a list.
pub(super) fn name<'a>(config: &'a Config, one: &'a PluginUse) -> &'a str {
    let name = &config.plugins[one.plugin].name;
    one.overrides.id.as_ref().unwrap_or(name)
}

/// What a route does: the key of the file, and as much of it as tells routes apart.
pub(super) fn action(config: &Config, action: &Action) -> (&'static str, Value) {
    let name = |upstream: usize| &config.upstreams[upstream].name;
    match action {
        Action::Upstream(upstream) => ("upstream", json!(name(*upstream))),
        Action::Split(shares) => {
            let shares = shares
                .iter()
                .map(|share| json!({"upstream": name(share.upstream), "weight": share.weight}));
            ("split", shares.collect())
        }
        Action::Redirect(redirect) => ("redirect", json!({"status": redirect.status.as_u16()})),
        Action::Respond(respond) => ("respond", json!({"status": respond.status.as_u16()})),
    }
}

/// What a route does, in a line.
pub(crate) fn does(config: &Config, action: &Action) -> String {
    let name = |upstream: usize| &config.upstreams[upstream].name;
    match action {
        Action::Upstream(upstream) => format!("upstream {}", name(*upstream)),
        Action::Split(shares) => {
            let shares = shares
                .iter()
                .map(|share| format!("{} {}", name(share.upstream), share.weight));
            format!("split {}", shares.collect::<Vec<_>>().join(", "))
        }
        Action::Redirect(redirect) => format!("redirect {}", redirect.status.as_u16()),
        Action::Respond(respond) => format!("respond {}", respond.status.as_u16()),
    }
}

/// Where the requests of an upstream go.
pub(crate) fn endpoints(target: &Target) -> String {
    match target {
        Target::Echo => "built in".to_owned(),
        Target::Servers(servers) => {
            let addresses = servers.endpoints.iter().map(address);
            addresses.collect::<Vec<_>>().join(", ")
        }
    }
}

/// An endpoint as the configuration writes it.
fn address(endpoint: &Endpoint) -> String {
    match &endpoint.address {
        EndpointAddress::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
        EndpointAddress::Tcp { host, port } => format!("{host}:{port}"),
        EndpointAddress::Unix(path) => format!("unix:{}", path.display()),
    }
}

/// Things in a row.
pub(super) fn listed<T: Display>(all: &[T]) -> String {
    let all: Vec<_> = all.iter().map(ToString::to_string).collect();
    all.join(", ")
}

/// A number of things of this name, of which several have an `s` at the end.
pub(crate) fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// A length of time as the configuration writes it.
pub(super) fn duration(time: Duration) -> String {
    humantime::format_duration(time)
        .to_string()
        .replace(' ', "")
}

/// A number of bytes as the configuration writes it.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 6] = [
        (1 << 30, "GiB"),
        (1_000_000_000, "GB"),
        (1 << 20, "MiB"),
        (1_000_000, "MB"),
        (1 << 10, "KiB"),
        (1_000, "KB"),
    ];
    let whole = |(unit, _): &&(u64, &str)| bytes >= *unit && bytes.is_multiple_of(*unit);
    match UNITS.iter().find(whole) {
        Some((unit, name)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_in_the_configuration() {
        for (bytes, written) in [
            (0, "0B"),
            (860, "860B"),
            (1024, "1KiB"),
            (2_000, "2KB"),
            (1_000_000, "1MB"),
            (10 << 30, "10GiB"),
            (1_500_000, "1500KB"),
        ] {
            assert_eq!(size(bytes), written);
        }
        for (milliseconds, written) in [(50, "50ms"), (90_000, "1m30s"), (1_500, "1s500ms")] {
            assert_eq!(duration(Duration::from_millis(milliseconds)), written);
        }
        assert_eq!(
            (count(1, "key"), count(2, "key")),
            ("1 key".to_owned(), "2 keys".to_owned())
        );
    }
}
