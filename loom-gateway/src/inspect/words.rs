//! Parts of a configuration, for people and as JSON.

use loom_config::model::{
    Action, Config, Endpoint, EndpointAddress, HostMatch, PluginUse, Route, Target,
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

/// The plugins of a route in the order in which its requests pass them.
pub(super) fn plugins(config: &Config, route: &Route) -> Value {
    let plugins = route.plugins.iter().map(|one| {
        json!({
            "name": name(config, one),
            "priority": one.priority,
            "inherited": one.inherited,
        })
    });
    plugins.collect()
}

/// What a plugin is called in a list.
pub(crate) fn name<'a>(config: &'a Config, one: &'a PluginUse) -> &'a str {
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
