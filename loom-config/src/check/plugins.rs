//! `plugins`

use std::sync::Arc;

use serde_json::Value;

use super::{Checker, plugin_sources};
use crate::limits;
use crate::model::{FailurePolicy, HeaderValues, Phase, Plugin, RequestBody};
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
    let start_timeout = checker.duration(
        raw.start_timeout.as_ref(),
        &limits::START_TIMEOUT_RANGE,
        &path.key("start_timeout"),
    );
    let pause_timeout = checker.duration(
        raw.pause_timeout.as_ref(),
        &limits::PAUSE_TIMEOUT_RANGE,
        &path.key("pause_timeout"),
    );
    let max_buffered_body = checker.size(
        raw.max_buffered_body.as_ref(),
        &limits::BUFFERED_BODY_RANGE,
        &path.key("max_buffered_body"),
    );
    let source = plugin_sources::check(raw, path, checker);
    // A plugin that looks up a queue means its own VM by an empty one, so no other plugin could name this.
    if raw.vm_id.as_deref() == Some("") {
        checker.fault(
            &path.key("vm_id"),
            "the id is empty; leave the key out for one of the plugin's own",
        );
    }
    let service = raw.service.unwrap_or(false);
    if service && raw.instances.is_some_and(|instances| instances > 1) {
        let message = "a `service` has one VM; leave the key out";
        checker.fault(&path.key("instances"), message);
    }
    let env = raw.env.clone().unwrap_or_default();
    for (name, value) in &env {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            let message = "this cannot be an environment variable; expected a name without `=`, and a value without NUL";
            checker.fault(&path.key("env").key(name), message);
        }
    }
    Some(Plugin {
        name: raw.name.clone()?,
        source: source?,
        phase: raw.phase.map_or(Phase::RequestHeaders, Phase::from),
        priority: raw.priority.unwrap_or(0),
        memory_limit,
        timeout,
        start_timeout,
        pause_timeout,
        max_buffered_body,
        instances: raw.instances,
        log_level: raw.log_level.map(Into::into),
        config: raw.config.as_ref().and_then(config_bytes),
        failure_policy: raw
            .failure_policy
            .map_or(FailurePolicy::Closed, FailurePolicy::from),
        request_body: raw
            .request_body
            .map_or(RequestBody::Streaming, RequestBody::from),
        allow_on_headers_stop_iteration: raw.allow_on_headers_stop_iteration.unwrap_or(false),
        header_values: raw
            .header_values
            .map_or(HeaderValues::Bytes, HeaderValues::from),
        strict_imports: raw.strict_imports.unwrap_or(false),
        service,
        root_id: raw.root_id.clone().unwrap_or_default(),
        vm_id: raw.vm_id.clone(),
        vm_configuration: raw.vm_configuration.as_ref().and_then(config_bytes),
        env,
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

impl From<raw::RequestBody> for RequestBody {
    fn from(raw: raw::RequestBody) -> Self {
        match raw {
            raw::RequestBody::Streaming => Self::Streaming,
            raw::RequestBody::BeforeInner => Self::BeforeInner,
        }
    }
}

impl From<raw::HeaderValues> for HeaderValues {
    fn from(raw: raw::HeaderValues) -> Self {
        match raw {
            raw::HeaderValues::Bytes => Self::Bytes,
            raw::HeaderValues::Lossy => Self::Lossy,
            raw::HeaderValues::Reject => Self::Reject,
        }
    }
}
