//! `routes`

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{DurationText, Items, OneOrMany};

/// One route: which requests it takes, which plugins they pass, where they go.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    /// Its name in logs, metrics and plugin properties.
    #[schemars(required, title = "a name")]
    pub(crate) id: Option<String>,
    /// The paths that it takes: exact, or everything below with `/*` at the end.
    #[schemars(required)]
    pub(crate) path: Option<OneOrMany<PathPattern>>,
    /// The hosts that it takes: exact, or everything below with `*.` at the start. Default: every host.
    pub(crate) host: Option<OneOrMany<HostPattern>>,
    /// Names of the listeners that it takes requests from. Default: all.
    pub(crate) listeners: Option<OneOrMany<ListenerName>>,
    /// The plugins that its requests pass, by priority and then in this order. Default: none.
    pub(crate) plugins: Option<Items<PluginEntry>>,
    /// Name of the upstream that its requests go to.
    #[schemars(required, title = "the name of an upstream")]
    pub(crate) upstream: Option<String>,
    /// Time from the end of a request to the end of its response, from 1ms to 24h. Default: no limit.
    pub(crate) timeout: Option<DurationText>,
}

/// A path of a route.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "a path such as /api/* or /health")]
#[schemars(extend("pattern" = "^/", "examples" = ["/health", "/api/*", "/*"]))]
pub(crate) struct PathPattern(pub(crate) String);

/// A host of a route.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "a host such as api.example.com or \"*.example.com\"")]
#[schemars(extend("examples" = ["api.example.com", "*.example.com"]))]
pub(crate) struct HostPattern(pub(crate) String);

/// The name of a listener.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "the name of a listener")]
pub(crate) struct ListenerName(pub(crate) String);

/// A plugin of a route; its name alone will do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum PluginEntry {
    /// The name alone.
    Name(PluginName),
    /// With a configuration of this route's own.
    Full(PluginUse),
}

/// The name of a plugin.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "the name of a plugin")]
pub(crate) struct PluginName(pub(crate) String);

/// A plugin of a route, with a configuration of the route's own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PluginUse {
    /// The plugin's name.
    #[schemars(required, title = "the name of a plugin")]
    pub(crate) plugin: Option<String>,
    /// What it is configured with on this route: in place of the plugin's own `config`, not merged with it.
    pub(crate) config: Option<Value>,
}
