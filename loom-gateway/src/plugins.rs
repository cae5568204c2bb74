//! The configured plugins, loaded: the one place that knows how a [`model::Plugin`] becomes a [`LoomPlugin`].

use std::num::NonZero;
use std::sync::Arc;

use bytes::Bytes;
use loom_config::model;
use loom_layer::{
    BodyMode, FailurePolicy, HeaderValues, LogLevel, LoomChain, LoomPlugin, LoomPluginBuilder,
    LoomRuntime, Phase, PluginService,
};

use crate::proxy::{CalloutService, Upstream};

/// The loaded plugins, in the order of the configuration.
#[derive(Debug)]
pub(crate) struct Plugins {
    /// `None` in the places of services.
    loaded: Vec<Option<LoomPlugin>>,
    services: Vec<PluginService>,
}

impl Plugins {
    /// Loads every plugin of the configuration, those that no route uses too: a file that cannot be loaded is found when
    /// the gateway starts and not when somebody adds the route.
    ///
    /// Every plugin may call every upstream, by its name.
    pub(crate) async fn load(
        config: &model::Config,
        upstreams: &[Arc<Upstream>],
    ) -> Result<Self, loom_layer::Error> {
        let runtime = LoomRuntime::new()?;
        // One VM for each thread that serves requests, if the plugin does not say otherwise.
        let workers = config
            .workers
            .or_else(|| std::thread::available_parallelism().ok().map(NonZero::get))
            .unwrap_or(1);
        let mut this = Self {
            loaded: Vec::with_capacity(config.plugins.len()),
            services: Vec::new(),
        };
        for plugin in &config.plugins {
            let mut builder = builder(plugin, config.log.level, workers, &runtime);
            for upstream in upstreams {
                let service = CalloutService::new(Arc::clone(upstream));
                builder = builder.upstream_service(upstream.name(), service);
            }
            if plugin.service {
                this.services.push(builder.build_service_async().await?);
                this.loaded.push(None);
            } else {
                this.loaded.push(Some(builder.build_async().await?));
            }
        }
        Ok(this)
    }

    /// The plugins that run without a route, as long as somebody keeps them.
    pub(crate) fn into_services(self) -> Vec<PluginService> {
        self.services
    }

    /// The plugins of one route as one layer; `None` when it has none.
    pub(crate) async fn chain(
        &self,
        uses: &[model::PluginUse],
    ) -> Result<Option<LoomChain>, loom_layer::Error> {
        if uses.is_empty() {
            return Ok(None);
        }
        let mut chain = Vec::with_capacity(uses.len());
        for model::PluginUse { plugin, config } in uses {
            // A configuration with a service on a route is refused when it is read.
            let Some(plugin) = &self.loaded[*plugin] else {
                continue;
            };
            chain.push(match config {
                // The same VMs, with a root context of its own.
                Some(config) => {
                    plugin
                        .with_config_async(Bytes::copy_from_slice(config))
                        .await?
                }
                None => plugin.clone(),
            });
        }
        Ok(Some(LoomChain::new(chain)))
    }
}

fn builder(
    plugin: &model::Plugin,
    process_level: model::LogLevel,
    workers: usize,
    runtime: &LoomRuntime,
) -> LoomPluginBuilder {
    let mut builder = LoomPlugin::builder(&plugin.name)
        .file(&plugin.path)
        .phase(phase(plugin.phase))
        .failure_policy(failure_policy(plugin.failure_policy))
        .log_level(log_level(plugin.log_level.unwrap_or(process_level)))
        .request_body(body_mode(plugin.request_body))
        .allow_on_headers_stop_iteration(plugin.allow_on_headers_stop_iteration)
        .header_values(header_values(plugin.header_values))
        .strict_imports(plugin.strict_imports)
        .root_id(&plugin.root_id)
        .runtime(runtime);
    if !plugin.service {
        builder = builder.instances(plugin.instances.unwrap_or(workers));
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

fn log_level(level: model::LogLevel) -> LogLevel {
    match level {
        model::LogLevel::Trace => LogLevel::Trace,
        model::LogLevel::Debug => LogLevel::Debug,
        model::LogLevel::Info => LogLevel::Info,
        model::LogLevel::Warn => LogLevel::Warn,
        model::LogLevel::Error => LogLevel::Error,
    }
}
