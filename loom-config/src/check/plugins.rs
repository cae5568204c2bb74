//! `plugins`

use std::sync::Arc;

use serde_json::Value;

use super::Checker;
use crate::limits;
use crate::model::{FailurePolicy, Phase, Plugin};
use crate::raw::{self, Items};
use crate::tree::KeyPath;

pub(super) fn check(
    raw: Option<&Items<raw::Plugin>>,
    checker: &mut Checker<'_>,
) -> Option<Vec<Plugin>> {
    let section = KeyPath::ROOT.key("plugins");
    let plugins: Vec<Option<Plugin>> = raw
        .into_iter()
        .flat_map(Items::iter)
        .map(|(index, raw)| plugin(raw, &section.index(index), checker))
        .collect();
    plugins.into_iter().collect()
}

fn plugin(raw: &raw::Plugin, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Option<Plugin> {
    let memory_limit = checker.size(
        raw.memory_limit.as_ref(),
        &limits::MEMORY_RANGE,
        &path.key("memory_limit"),
    );
    let timeout = checker.duration(
        raw.timeout.as_ref(),
        &limits::PLUGIN_TIMEOUT_RANGE,
        &path.key("timeout"),
    );
    if raw.path.as_deref() == Some("") {
        checker.fault(
            &path.key("path"),
            "the path is empty; expected the plugin's `.wasm` file",
        );
    }
    Some(Plugin {
        name: raw.name.clone()?,
        path: checker.directory.join(raw.path.as_ref()?),
        phase: raw.phase.map_or(Phase::RequestHeaders, Phase::from),
        priority: raw.priority.unwrap_or(0),
        memory_limit,
        timeout,
        log_level: raw.log_level.map(Into::into),
        config: raw.config.as_ref().and_then(config_bytes),
        failure_policy: raw
            .failure_policy
            .map_or(FailurePolicy::Closed, FailurePolicy::from),
    })
}

/// What a plugin gets: text as it is, everything else as JSON, and nothing for nothing.
pub(super) fn config_bytes(config: &Value) -> Option<Arc<[u8]>> {
    match config {
        Value::Null => None,
        Value::String(text) => Some(Arc::from(text.as_bytes())),
        other => Some(Arc::from(other.to_string().into_bytes())),
    }
}

impl From<raw::Phase> for Phase {
    fn from(raw: raw::Phase) -> Self {
        match raw {
            raw::Phase::RequestHeaders => Self::RequestHeaders,
            raw::Phase::RequestBody => Self::RequestBody,
            raw::Phase::ResponseHeaders => Self::ResponseHeaders,
            raw::Phase::ResponseBody => Self::ResponseBody,
            raw::Phase::Log => Self::Log,
        }
    }
}

impl From<raw::FailurePolicy> for FailurePolicy {
    fn from(raw: raw::FailurePolicy) -> Self {
        match raw {
            raw::FailurePolicy::Closed => Self::Closed,
            raw::FailurePolicy::Open => Self::Open,
        }
    }
}
