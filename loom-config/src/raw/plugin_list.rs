//! The entries of lists of plugins: of listeners, of routes, of `plugin_sets` and of `defaults`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{DurationText, FailurePolicy};

/// A plugin of a list; its name alone will do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum PluginEntry {
    /// The name alone.
    Name(PluginName),
    /// With settings of this place alone, or a whole set.
    Full(PluginUse),
}

/// The name of a plugin.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "the name of a plugin")]
pub(crate) struct PluginName(pub(crate) String);

/// A plugin with settings of this place alone, or all plugins of a set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PluginUse {
    /// The plugin's name. Default: none; an entry has this or `set`.
    #[schemars(title = "the name of a plugin")]
    #[schemars(extend("examples" = ["limit"]))]
    pub(crate) plugin: Option<String>,
    /// The name of a set of `plugin_sets`, whose plugins stand here. Default: none.
    #[schemars(title = "the name of a set")]
    #[schemars(extend("examples" = ["secure"]))]
    pub(crate) set: Option<String>,
    /// What the plugin is called here: in logs, metrics and the access log, and as its property `plugin_name`. Default: its
    /// name.
    #[schemars(title = "a name")]
    #[schemars(extend("examples" = ["limit-login"]))]
    pub(crate) id: Option<String>,
    /// What the plugin is configured with here: in place of its own `config`, not merged with it. Default: the
    /// plugin's own.
    #[schemars(extend("examples" = [{"burst": 5}]))]
    pub(crate) config: Option<Value>,
    /// Its priority here. Default: the plugin's own.
    #[schemars(range(min = i32::MIN, max = i32::MAX))]
    #[schemars(extend("examples" = [10]))]
    pub(crate) priority: Option<i32>,
    /// Time for one call into the plugin here, from 1ms to 1m. Default: the plugin's own.
    #[schemars(extend("examples" = ["10ms"]))]
    pub(crate) timeout: Option<DurationText>,
    /// What happens here to a request when the plugin fails. Default: the plugin's own.
    #[schemars(extend("examples" = ["open"]))]
    pub(crate) failure_policy: Option<FailurePolicy>,
}
