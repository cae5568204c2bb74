//! The one place that knows how a [`model::Plugin`] becomes a [`LoomPlugin`].

use bytes::Bytes;
use loom_config::model::{self, PluginSource};
use loom_layer::{
    BodyMode, FailurePolicy, HeaderValues, LogLevel, LoomPlugin, LoomPluginBuilder, Phase,
    PluginVariant,
};

use super::Host;

/// A plugin with everything that its configuration says. It may call every upstream, by its name.
pub(super) fn builder(
    plugin: &model::Plugin,
    log_level: model::LogLevel,
    host: &Host,
) -> LoomPluginBuilder {
    let upstreams = host.upstreams.clone();
    let mut builder = LoomPlugin::builder(&plugin.name)
        .phase(phase(plugin.phase))
        .failure_policy(failure_policy(plugin.failure_policy))
        .log_level(level(log_level))
        .request_body(body_mode(plugin.request_body))
        .allow_on_headers_stop_iteration(plugin.allow_on_headers_stop_iteration)
        .header_values(header_values(plugin.header_values))
        .strict_imports(plugin.strict_imports)
        .root_id(&plugin.root_id)
        .upstream_lookup(move |name| upstreams.find(name))
        .runtime(&host.runtime);
    match &plugin.source {
        PluginSource::File { path, sha256 } => {
            builder = builder.file(path);
            if let Some(digest) = sha256 {
                builder = builder.sha256(digest.0);
            }
        }
        // Whoever fetched it hands it over.
        PluginSource::Url(from) => builder = builder.sha256(from.sha256.0),
    }
    if !plugin.service {
        builder = builder.instances(plugin.instances.unwrap_or(host.workers));
    }
    for (name, value) in &plugin.env {
        builder = builder.env(name, value);
    }
    if let Some(config) = &plugin.config {
        builder = builder.config(Bytes::copy_from_slice(config));
    }
    if let Some(id) = &plugin.vm_id {
        builder = builder.vm_id(id);
    }
    if let Some(config) = &plugin.vm_configuration {
        builder = builder.vm_config(Bytes::copy_from_slice(config));
    }
    // Without these keys the defaults of the layer hold.
    if let Some(limit) = plugin.memory_limit {
        builder = builder.memory_limit(limit);
    }
    if let Some(timeout) = plugin.timeout {
        builder = builder.timeout(timeout);
    }
    if let Some(timeout) = plugin.start_timeout {
        builder = builder.start_timeout(timeout);
    }
    if let Some(timeout) = plugin.pause_timeout {
        builder = builder.pause_timeout(timeout);
    }
    if let Some(bytes) = plugin.max_buffered_body {
        // Only where an address has 32 bits can it be more than fits.
        builder = builder.max_buffered_body(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    builder
}

/// A plugin with what is different about it in one place.
pub(super) fn variant(plugin: &LoomPlugin, overrides: &model::PluginOverrides) -> PluginVariant {
    let mut variant = plugin.variant();
    if let Some(id) = &overrides.id {
        variant = variant.name(id);
    }
    if let Some(config) = &overrides.config {
        variant = variant.config(Bytes::copy_from_slice(config));
    }
    if let Some(timeout) = overrides.timeout {
        variant = variant.timeout(timeout);
    }
    if let Some(policy) = overrides.failure_policy {
        variant = variant.failure_policy(failure_policy(policy));
    }
    variant
}

fn phase(phase: model::Phase) -> Phase {
    match phase {
        model::Phase::RequestHeaders => Phase::RequestHeaders,
        model::Phase::RequestBody => Phase::RequestBody,
        model::Phase::ResponseHeaders => Phase::ResponseHeaders,
        model::Phase::ResponseBody => Phase::ResponseBody,
        model::Phase::Log => Phase::Log,
    }
}

fn failure_policy(policy: model::FailurePolicy) -> FailurePolicy {
    match policy {
        model::FailurePolicy::Closed => FailurePolicy::Closed,
        model::FailurePolicy::Open => FailurePolicy::Open,
    }
}

fn body_mode(mode: model::RequestBody) -> BodyMode {
    match mode {
        model::RequestBody::Streaming => BodyMode::Streaming,
        model::RequestBody::BeforeInner => BodyMode::BeforeInner,
    }
}

fn header_values(values: model::HeaderValues) -> HeaderValues {
    match values {
        model::HeaderValues::Bytes => HeaderValues::Bytes,
        model::HeaderValues::Lossy => HeaderValues::Lossy,
        model::HeaderValues::Reject => HeaderValues::Reject,
    }
}

fn level(level: model::LogLevel) -> LogLevel {
    match level {
        model::LogLevel::Trace => LogLevel::Trace,
        model::LogLevel::Debug => LogLevel::Debug,
        model::LogLevel::Info => LogLevel::Info,
        model::LogLevel::Warn => LogLevel::Warn,
        model::LogLevel::Error => LogLevel::Error,
    }
}
