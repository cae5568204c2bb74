//! The configured plugins, loaded, and kept from one configuration to the next.

mod build;
mod file;

use std::num::NonZero;
use std::sync::Arc;

use bytes::Bytes;
use loom_config::model;
use loom_layer::{Error, LoomChain, LoomPlugin, LoomRuntime, PluginService, PluginStats};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

pub(crate) use file::Stamp;

use crate::metrics::Metrics;
use crate::proxy::Directory;
use file::Seen;

/// What plugins of all configurations run in.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) runtime: LoomRuntime,
    /// What is counted, when somebody can read it.
    pub(crate) metrics: Option<Arc<Metrics>>,
    /// What plugins may call.
    pub(crate) upstreams: Directory,
    /// One VM for each thread that serves requests, if a plugin does not say otherwise.
    workers: usize,
}

impl Host {
    pub(crate) fn new(config: &model::Config) -> Result<Self, Error> {
        let cores = || std::thread::available_parallelism().ok().map(NonZero::get);
        Ok(Self {
            runtime: LoomRuntime::new()?,
            metrics: config.admin.as_ref().map(|_| Arc::default()),
            upstreams: Directory::default(),
            workers: config.workers.or_else(cores).unwrap_or(1),
        })
    }
}

/// The loaded plugins of one configuration, in its order.
#[derive(Debug, Default)]
pub(crate) struct Plugins {
    loaded: Vec<Arc<Loaded>>,
    /// Plugins with a configuration of one route's own. The same VMs, with a root context of its own.
    variants: FxHashMap<VariantKey, Variant>,
}

/// A plugin as it was loaded.
#[derive(Debug)]
pub(crate) struct Loaded {
    settings: Settings,
    seen: Mutex<Seen>,
    unit: Unit,
}

/// All that decides whether a plugin is the same; its place among others does not.
#[derive(Debug, PartialEq)]
struct Settings {
    plugin: model::Plugin,
    log_level: model::LogLevel,
}

#[derive(Debug)]
enum Unit {
    OnRoutes(LoomPlugin),
    /// It runs as long as this is kept.
    Service(PluginService),
}

/// The route, the plugin's name, the configuration.
type VariantKey = (String, String, Arc<[u8]>);

#[derive(Debug)]
struct Variant {
    of: Arc<Loaded>,
    plugin: LoomPlugin,
}

impl Settings {
    fn new(plugin: &model::Plugin, process_level: model::LogLevel) -> Self {
        Self {
            plugin: model::Plugin {
                priority: 0,
                ..plugin.clone()
            },
            log_level: plugin.log_level.unwrap_or(process_level),
        }
    }
}

impl Loaded {
    async fn load(settings: Settings, host: &Host) -> Result<Self, Error> {
        let builder = build::builder(&settings.plugin, settings.log_level, host);
        let (sha256, unit) = if settings.plugin.service {
            let service = builder.build_service_async().await?;
            (service.sha256(), Unit::Service(service))
        } else {
            let plugin = builder.build_async().await?;
            (plugin.sha256(), Unit::OnRoutes(plugin))
        };
        Ok(Self {
            settings,
            seen: Mutex::new(Seen::loaded(sha256)),
            unit,
        })
    }

    /// Its name, and what it did so far.
    pub(crate) fn stats(&self) -> (&str, PluginStats) {
        match &self.unit {
            Unit::OnRoutes(plugin) => (plugin.name(), plugin.stats()),
            Unit::Service(service) => (service.name(), service.stats()),
        }
    }

    /// Whether the plugin's file is what it was. One that cannot be read is not: loading it says why.
    async fn is_current(self: &Arc<Self>) -> bool {
        let this = Arc::clone(self);
        let look = move || this.seen.lock().is_still(&this.settings.plugin.path);
        matches!(tokio::task::spawn_blocking(look).await, Ok(Some(true)))
    }
}

impl Plugins {
    /// Loads every plugin of the configuration, those that no route uses too: a file that cannot be loaded is found when
    /// the gateway starts and not when somebody adds the route. What `before` has already, file and all, goes on running.
    ///
    /// All faults are found, not only the first.
    pub(crate) async fn load(
        config: &model::Config,
        host: &Host,
        before: &Self,
    ) -> Result<Self, Vec<Error>> {
        let mut this = Self::default();
        let mut faults = Vec::new();
        for plugin in &config.plugins {
            let settings = Settings::new(plugin, config.log.level);
            match before.same(&settings).await {
                Some(same) => this.loaded.push(same),
                None => match Loaded::load(settings, host).await {
                    Ok(loaded) => this.loaded.push(Arc::new(loaded)),
                    Err(fault) => faults.push(fault),
                },
            }
        }
        if faults.is_empty() {
            Ok(this)
        } else {
            Err(faults)
        }
    }

    async fn same(&self, settings: &Settings) -> Option<Arc<Loaded>> {
        let same = self.loaded.iter().find(|one| one.settings == *settings)?;
        same.is_current().await.then(|| Arc::clone(same))
    }

    /// The plugins one by one.
    pub(crate) fn each(&self) -> &[Arc<Loaded>] {
        &self.loaded
    }

    /// How many of the plugins were there before.
    pub(crate) fn kept_from(&self, before: &Self) -> usize {
        let is_before =
            |one: &&Arc<Loaded>| before.loaded.iter().any(|other| Arc::ptr_eq(one, other));
        self.loaded.iter().filter(is_before).count()
    }

    /// The plugins of one route as one layer; `None` when it has none.
    pub(crate) async fn chain(
        &mut self,
        route: &str,
        uses: &[model::PluginUse],
        before: &Self,
    ) -> Result<Option<LoomChain>, Error> {
        if uses.is_empty() {
            return Ok(None);
        }
        let mut chain = Vec::with_capacity(uses.len());
        for model::PluginUse { plugin, config, .. } in uses {
            let loaded = Arc::clone(&self.loaded[*plugin]);
            // A configuration with a service on a route is refused when it is read.
            let Unit::OnRoutes(plugin) = &loaded.unit else {
                continue;
            };
            chain.push(match config {
                Some(config) => {
                    let key = (route.to_owned(), plugin.name().to_owned(), config.clone());
                    self.variant(key, &loaded, plugin, before).await?
                }
                None => plugin.clone(),
            });
        }
        Ok(Some(LoomChain::new(chain)))
    }

    async fn variant(
        &mut self,
        key: VariantKey,
        of: &Arc<Loaded>,
        plugin: &LoomPlugin,
        before: &Self,
    ) -> Result<LoomPlugin, Error> {
        let same = before.variants.get(&key);
        let plugin = match same.filter(|variant| Arc::ptr_eq(&variant.of, of)) {
            Some(variant) => variant.plugin.clone(),
            None => {
                plugin
                    .with_config_async(Bytes::copy_from_slice(&key.2))
                    .await?
            }
        };
        let variant = Variant {
            of: Arc::clone(of),
            plugin: plugin.clone(),
        };
        self.variants.insert(key, variant);
        Ok(plugin)
    }
}
