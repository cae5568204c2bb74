//! What runs, shared by those who may change it.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;
use loom_config::model::Config;
use parking_lot::Mutex;

use super::assemble::{Assembled, Stock};
use super::error::{ReloadError, StartError};
use super::listeners::Listeners;
use super::readiness::Readiness;
use super::reload::{ReloadStats, Reloaded, Source};
use super::sources::Sources;
use crate::admin::Shown;
use crate::listener::ShownCertificate;
use crate::plugins::Host;
use crate::proxy::UpstreamStatus;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Live {
    host: Host,
    /// Held for the whole of a reload, so that there is one at a time. No request ever asks for it.
    stock: tokio::sync::Mutex<Stock>,
    /// `None` once the gateway ends.
    listeners: Mutex<Option<Listeners>>,
    config: ArcSwap<Config>,
    /// Where the last attempt came from, if it was refused.
    refused: Mutex<Sources>,
    stats: Mutex<ReloadStats>,
    readiness: Readiness,
    /// What is in force, for the admin listener to show.
    shown: ArcSwap<Shown>,
    source: Option<Source>,
}

impl Live {
    pub(super) async fn start(
        config: Config,
        source: Option<Source>,
    ) -> Result<Arc<Self>, StartError> {
        tell_warnings(&config);
        let host = Host::new(&config)?;
        let Assembled { listeners, stock } =
            Assembled::new(&config, &host, &Stock::default()).await?;
        let shown = put_in_force(&config, &host, &stock);
        let mut running = Listeners::default();
        running.switch(&config, listeners)?;
        Ok(Arc::new(Self {
            host,
            stock: tokio::sync::Mutex::new(stock),
            listeners: Mutex::new(Some(running)),
            config: ArcSwap::from_pointee(config),
            refused: Mutex::default(),
            stats: Mutex::default(),
            readiness: Readiness::ready(),
            shown: ArcSwap::from_pointee(shown),
            source,
        }))
    }

    /// The configuration in force.
    pub(super) fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    pub(super) fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    pub(super) fn upstreams(&self) -> Vec<UpstreamStatus> {
        self.host.upstreams.status()
    }

    pub(super) fn vms(&self) -> usize {
        self.host.runtime.vms()
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    pub(super) fn shown(&self) -> Arc<Shown> {
        self.shown.load_full()
    }

    /// The files a change of which is a reason to reload.
    pub(super) fn sources(&self) -> Sources {
        let mut sources = Sources::of(&self.config.load());
        sources.add(&self.refused.lock());
        sources
    }

    pub(super) fn stats(&self) -> ReloadStats {
        self.stats.lock().clone()
    }

    /// Reads the configuration again and puts it in force.
    pub(super) async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let read = match self.source.clone() {
            None => Err(ReloadError::NoSource),
            Some(source) => match tokio::task::spawn_blocking(move || source.read()).await {
                Ok(read) => read.map_err(ReloadError::from),
                // Only at the end of the runtime.
                Err(_) => Err(ReloadError::Ending),
            },
        };
        match read {
            Ok(config) => self.apply(config).await,
            Err(error) => {
                if let ReloadError::Config(error) = &error {
                    *self.refused.lock() = Sources::of_error(error);
                }
                self.tell(Err(error))
            }
        }
    }

    /// Puts a configuration in force, or leaves everything as it is.
    pub(super) async fn apply(&self, config: Config) -> Result<Reloaded, ReloadError> {
        let sources = Sources::of(&config);
        let result = self.change(config).await;
        *self.refused.lock() = if result.is_err() {
            sources
        } else {
            Sources::default()
        };
        self.tell(result)
    }

    async fn change(&self, config: Config) -> Result<Reloaded, ReloadError> {
        let begin = Instant::now();
        tell_warnings(&config);
        let mut stock = self.stock.lock().await;
        let assembled = Assembled::new(&config, &self.host, &stock).await?;
        // Who is served now is not to notice.
        assembled.stock.warm_up().await;
        let reloaded = {
            let mut listeners = self.listeners.lock();
            let listeners = listeners.as_mut().ok_or(ReloadError::Ending)?;
            let switched = listeners.switch(&config, assembled.listeners);
            let switched = switched.map_err(|error| {
                self.host.upstreams.replace(&stock.upstreams());
                StartError::from(error)
            })?;
            Reloaded {
                listeners: (switched.kept, switched.opened, switched.closed),
                plugins: count(
                    config.plugins.len(),
                    assembled.stock.plugins.kept_from(&stock.plugins),
                ),
                upstreams: count(
                    config.upstreams.len(),
                    assembled.stock.upstreams_kept_from(&stock),
                ),
                took: begin.elapsed(),
            }
        };
        let shown = put_in_force(&config, &self.host, &assembled.stock);
        self.shown.store(Arc::new(shown));
        warn_of_what_stays(&self.config.swap(Arc::new(config.clone())), &config);
        *stock = assembled.stock;
        Ok(reloaded)
    }

    fn tell(&self, result: Result<Reloaded, ReloadError>) -> Result<Reloaded, ReloadError> {
        let mut stats = self.stats.lock();
        match &result {
            Ok(reloaded) => {
                stats.succeeded += 1;
                stats.last_success = Some(SystemTime::now());
                stats.last_error = None;
                let Reloaded {
                    listeners: (kept, opened, closed),
                    plugins,
                    upstreams,
                    took,
                } = reloaded;
                tracing::info!(
                    listeners.kept = kept,
                    listeners.opened = opened,
                    listeners.closed = closed,
                    plugins.kept = plugins.0,
                    plugins.started = plugins.1,
                    upstreams.kept = upstreams.0,
                    upstreams.new = upstreams.1,
                    ?took,
                    "reloaded"
                );
            }
            Err(error) => {
                stats.failed += 1;
                stats.last_error = Some(error.to_string());
                tracing::error!(%error, "reload refused, the configuration before it stays in force");
            }
        }
        result
    }

    /// The listeners, for who sees to their end. There is none for anybody after that.
    pub(super) fn take_listeners(&self) -> Option<Listeners> {
        self.listeners.lock().take()
    }

    pub(super) fn with_listeners<T>(&self, see: impl FnOnce(&Listeners) -> T) -> Option<T> {
        self.listeners.lock().as_ref().map(see)
    }

    /// Ends what would otherwise live as long as somebody can ask for a reload.
    pub(super) async fn clear(&self) {
        self.host.upstreams.replace(&[]);
        self.shown.store(Arc::default());
        let stock = std::mem::take(&mut *self.stock.lock().await);
        let (access_log, tracing) = (stock.access_log.clone(), stock.tracing.clone());
        // The process may end right after this.
        let last = tokio::task::spawn_blocking(move || {
            if let Some(access_log) = access_log {
                access_log.flush();
            }
            if let Some(tracing) = tracing {
                tracing.finish();
            }
        });
        let _ = last.await;
    }
}

/// Begins to watch what is new, and lets plugins call all of it.
fn put_in_force(config: &Config, host: &Host, stock: &Stock) -> Shown {
    let upstreams = stock.upstreams();
    for upstream in &upstreams {
        upstream.start();
    }
    host.upstreams.replace(&upstreams);
    Shown {
        plugins: Arc::clone(&stock.plugins),
        access_log: stock.access_log.clone(),
        tracing: stock.tracing.clone(),
        certificates: ShownCertificate::all(config),
        upstreams,
    }
}

fn tell_warnings(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!(%warning, "in the configuration");
    }
}

/// How many are kept, and how many are not.
fn count(all: usize, kept: usize) -> (usize, usize) {
    (kept, all - kept)
}

/// Some keys are read when the process starts and never again.
fn warn_of_what_stays(before: &Config, now: &Config) {
    let keys = [
        ("workers", before.workers != now.workers),
        ("cache_dir", before.cache_dir != now.cache_dir),
        ("log", before.log != now.log),
        ("admin", before.admin != now.admin),
    ];
    for (key, _) in keys.iter().filter(|(_, changed)| *changed) {
        tracing::warn!(key, "this change takes effect with the next start");
    }
}
