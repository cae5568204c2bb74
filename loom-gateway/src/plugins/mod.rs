//! The configured plugins, loaded, and kept from one configuration to the next.

mod build;
mod fetch;
mod file;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use loom_config::model::{self, PluginSource};
use loom_layer::{
    CompileCache, Error, LoomChain, LoomPlugin, LoomRuntime, PluginService, PluginStats,
};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

pub(crate) use file::Stamp;

use crate::metrics::Metrics;
use crate::proxy::Directory;
use fetch::{FetchError, Modules};
use file::Seen;

/// What plugins of all configurations run in.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) runtime: LoomRuntime,
    /// What is counted, when somebody can read it.
    pub(crate) metrics: Option<Arc<Metrics>>,
    /// What plugins may call.
    pub(crate) upstreams: Directory,
    /// What plugins are fetched with.
    modules: Modules,
    /// One VM for each thread that serves requests, if a plugin does not say otherwise.
    workers: usize,
}

impl Host {
    pub(crate) fn new(config: &model::Config) -> Result<Self, Error> {
        let cores = || std::thread::available_parallelism().ok().map(NonZero::get);
        let cache = config.cache_dir.clone();
        let compiled = match &cache {
            Some(folder) => CompileCache::Directory(folder.clone()),
            None => CompileCache::User,
        };
        Ok(Self {
            runtime: LoomRuntime::builder().compile_cache(compiled).build()?,
            modules: Modules::new(cache.or_else(user_cache)),
            metrics: config.admin.as_ref().map(|_| Arc::default()),
            upstreams: Directory::default(),
            workers: config.workers.or_else(cores).unwrap_or(1),
        })
    }
}

impl Host {
    /// The code of a plugin that is to be loaded and comes from a server.
    async fn code(&self, settings: Option<&Settings>) -> Result<Option<Bytes>, FetchError> {
        match settings.map(|settings| (&settings.plugin.name, &settings.plugin.source)) {
            Some((name, PluginSource::Url(from))) => self.modules.get(name, from).await.map(Some),
            _ => Ok(None),
        }
    }
}

/// Why a plugin of the configuration does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PluginFault {
    /// Its code is not there.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It cannot be loaded.
    #[error(transparent)]
    Load(#[from] Error),
}

/// Where the compiled code is, too.
fn user_cache() -> Option<PathBuf> {
    dirs::cache_dir().map(|folder| folder.join("loom"))
}

/// The loaded plugins of one configuration, in its order.
#[derive(Debug, Default)]
pub(crate) struct Plugins {
    loaded: Vec<Arc<Loaded>>,
    /// Plugins with settings of one place's own. The same VMs, with a root context of its own.
    variants: FxHashMap<VariantKey, Variant>,
}

/// A plugin as it was loaded.
#[derive(Debug)]
struct Loaded {
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

/// Where a chain of plugins stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// On the listener of this name.
    Listener(String),
    /// On the route of this id.
    Route(String),
}

/// A plugin as one listener or route has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct VariantKey {
    place: Place,
    plugin: String,
    overrides: model::PluginOverrides,
}

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
    async fn load(
        settings: Settings,
        code: Result<Option<Bytes>, FetchError>,
        host: &Host,
    ) -> Result<Self, PluginFault> {
        let mut builder = build::builder(&settings.plugin, settings.log_level, host);
        if let Some(code) = code? {
            builder = builder.bytes(code);
        }
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
    fn stats(&self) -> (&str, PluginStats) {
        match &self.unit {
            Unit::OnRoutes(plugin) => (plugin.name(), plugin.stats()),
            Unit::Service(service) => (service.name(), service.stats()),
        }
    }

    /// Whether the plugin's file is what it was. One that cannot be read is not: loading it says why. What was fetched is
    /// what its digest says.
    async fn is_current(self: &Arc<Self>) -> bool {
        if self.settings.plugin.source.path().is_none() {
            return true;
        }
        let this = Arc::clone(self);
        let look = move || {
            let path = this.settings.plugin.source.path()?;
            this.seen.lock().is_still(path)
        };
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
    ) -> Result<Self, Vec<PluginFault>> {
        let mut this = Self::default();
        let mut faults = Vec::new();
        let mut all = Vec::with_capacity(config.plugins.len());
        for plugin in &config.plugins {
            let settings = Settings::new(plugin, config.log.level);
            let same = before.same(&settings).await;
            all.push(same.ok_or(settings));
        }
        // At the same time: each of them may take as long as it may.
        let code = join_all(all.iter().map(|one| host.code(one.as_ref().err()))).await;
        for (one, code) in all.into_iter().zip(code) {
            let loaded = match one {
                Ok(same) => Ok(same),
                Err(settings) => Loaded::load(settings, code, host).await.map(Arc::new),
            };
            match loaded {
                Ok(loaded) => this.loaded.push(loaded),
                Err(fault) => faults.push(fault),
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

    /// What the plugins did, by their names, and by the ids that they have in lists. An id of several places is one.
    pub(crate) fn stats(&self) -> BTreeMap<String, PluginStats> {
        let loaded = self.loaded.iter().map(|plugin| plugin.stats());
        let mut all: BTreeMap<_, _> = loaded
            .map(|(name, stats)| (name.to_owned(), stats))
            .collect();
        for (key, variant) in &self.variants {
            let Some(id) = &key.overrides.id else {
                // Counted with the plugin.
                continue;
            };
            let stats = variant.plugin.stats();
            all.entry(id.clone())
                .and_modify(|sum| {
                    sum.callbacks += stats.callbacks;
                    sum.local_replies += stats.local_replies;
                })
                .or_insert(stats);
        }
        all
    }

    /// Ends when each VM of these plugins was started, or could not be.
    pub(crate) async fn all_started(&self) {
        for loaded in &self.loaded {
            if let Unit::OnRoutes(plugin) = &loaded.unit {
                plugin.all_started().await;
            }
        }
    }

    /// How many of the plugins were there before.
    pub(crate) fn kept_from(&self, before: &Self) -> usize {
        let is_before =
            |one: &&Arc<Loaded>| before.loaded.iter().any(|other| Arc::ptr_eq(one, other));
        self.loaded.iter().filter(is_before).count()
    }

    /// The plugins of one listener or route as one layer; `None` when it has none.
    pub(crate) async fn chain(
        &mut self,
        place: Place,
        uses: &[model::PluginUse],
        before: &Self,
    ) -> Result<Option<LoomChain>, Error> {
        if uses.is_empty() {
            return Ok(None);
        }
        let mut chain = Vec::with_capacity(uses.len());
        for model::PluginUse {
            plugin, overrides, ..
        } in uses
        {
            let loaded = Arc::clone(&self.loaded[*plugin]);
            // A configuration with a service on a route is refused when it is read.
            let Unit::OnRoutes(plugin) = &loaded.unit else {
                continue;
            };
            chain.push(if overrides.is_empty() {
                plugin.clone()
            } else {
                let key = VariantKey {
                    place: place.clone(),
                    plugin: plugin.name().to_owned(),
                    overrides: overrides.clone(),
                };
                self.variant(key, &loaded, plugin, before).await?
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
            None => build::variant(plugin, &key.overrides).build_async().await?,
        };
        let variant = Variant {
            of: Arc::clone(of),
            plugin: plugin.clone(),
        };
        self.variants.insert(key, variant);
        Ok(plugin)
    }
}
