//! The plugins of a list.

use loom_config::model::{Config, FailurePolicy, Phase, PluginUse};

use super::Step;
use crate::inspect::words::{self, duration};

/// One step, with a line for each of them in the order in which a request passes them; none when there are none.
pub(super) fn steps(config: &Config, plugins: &[PluginUse]) -> Option<Step> {
    let lines = plugins.iter().zip(1..);
    let mut says: Vec<_> = lines
        .map(|(one, at)| format!("{at}. {}", line(config, one)))
        .collect();
    if plugins.len() > 1 {
        let why = "in this order: higher priority first; of the same, those of defaults, then the order of the list";
        says.push(why.to_owned());
    }
    let names = plugins.iter().map(|one| words::name(config, one));
    let names: Vec<_> = names.collect();
    (!says.is_empty()).then(|| Step {
        key: "plugins",
        says,
        brief: format!("plugins [{}]", names.join(", ")),
    })
}

fn line(config: &Config, one: &PluginUse) -> String {
    let (plugin, own) = (&config.plugins[one.plugin], &one.overrides);
    let mut facts = Vec::new();
    if own.id.is_some() {
        facts.push(format!("plugin {}", plugin.name));
    }
    facts.push(format!("priority {}", one.priority));
    if one.inherited {
        facts.push("of defaults".to_owned());
    }
    if let Some(phase) = phase(plugin.phase) {
        facts.push(format!("phase {phase}"));
    }
    if own.config.is_some() {
        facts.push("config of its own".to_owned());
    }
    if let Some(time) = own.timeout {
        facts.push(format!("timeout {}", duration(time)));
    }
    let policy = own.failure_policy.unwrap_or(plugin.failure_policy);
    if own.failure_policy.is_some() || policy == FailurePolicy::Open {
        let policy = match policy {
            FailurePolicy::Closed => "closed",
            FailurePolicy::Open => "open",
        };
        facts.push(format!("failure_policy {policy}"));
    }
    format!("{} ({})", words::name(config, one), facts.join(", "))
}

/// The phase from which on a plugin takes part, if it is not the first.
fn phase(phase: Phase) -> Option<&'static str> {
    Some(match phase {
        Phase::RequestHeaders => return None,
        Phase::RequestBody => "on_request_body",
        Phase::ResponseHeaders => "on_response_headers",
        Phase::ResponseBody => "on_response_body",
        Phase::Log => "on_log",
    })
}
