//! Configuration in, routers out.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use loom_config::model::{self, Config};
use loom_layer::LoomChain;
use tokio::time::timeout;

use super::error::StartError;
use crate::limits;
use crate::listener::{Served, Tls};
use crate::plugins::{Host, Place, PluginFault, Plugins};
use crate::proxy::{Reports, Secure, Upstream};
use crate::route::{Action, Middleware, Users, route_service};
use crate::router::{AccessLog, RouteTable, Selection, listener_stack};
use crate::trace::Tracing;

/// Everything that a configuration describes, ready to be served.
#[derive(Debug)]
pub(super) struct Assembled {
    /// What each listener does, in the order of the configuration.
    pub(super) listeners: Vec<Served>,
    pub(super) stock: Stock,
}

/// What the next configuration takes over where it says the same.
#[derive(Debug, Default)]
pub(super) struct Stock {
    /// With their connections, and what is known of their endpoints.
    upstreams: Vec<(model::Upstream, Arc<Upstream>)>,
    /// With their VMs. Those that are services run as long as they are here.
    pub(super) plugins: Arc<Plugins>,
    /// Of the routes that have some, by their ids.
    middleware: BTreeMap<String, Middleware>,
    /// With what they gave to clients that may come back.
    tls: Vec<Arc<Tls>>,
    /// With what is known of them.
    users: Users,
    /// With its file.
    pub(super) access_log: Option<Arc<AccessLog>>,
    /// With its spans.
    pub(super) tracing: Option<Arc<Tracing>>,
}

impl Stock {
    fn upstream(&self, wanted: &model::Upstream) -> Option<Arc<Upstream>> {
        let same = self.upstreams.iter().find(|(model, _)| model == wanted)?;
        Some(Arc::clone(&same.1))
    }

    /// The certificates of each listener.
    fn tls(&self, config: &Config) -> Result<Vec<Option<Arc<Tls>>>, StartError> {
        let of = |listener: &model::Listener| {
            let Some(wanted) = &listener.tls else {
                return Ok(None);
            };
            let same = self.tls.iter().find(|tls| tls.model() == wanted);
            let tls = match same {
                Some(same) => Ok(Arc::clone(same)),
                None => Tls::new(wanted).map(Arc::new),
            };
            tls.map(Some).map_err(|source| StartError::Tls {
                listener: listener.name.clone(),
                source,
            })
        };
        config.listeners.iter().map(of).collect()
    }

    pub(super) fn access_log(
        &self,
        wanted: Option<&model::AccessLog>,
    ) -> Result<Option<Arc<AccessLog>>, StartError> {
        let Some(wanted) = wanted else {
            return Ok(None);
        };
        match &self.access_log {
            Some(same) if same.config() == wanted => Ok(Some(Arc::clone(same))),
            _ => match AccessLog::open(wanted) {
                Ok(new) => Ok(Some(Arc::new(new))),
                Err(error) => Err(StartError::AccessLog(error)),
            },
        }
    }

    pub(super) async fn tracing(
        &self,
        wanted: Option<&model::Tracing>,
    ) -> Result<Option<Arc<Tracing>>, StartError> {
        let Some(wanted) = wanted else {
            return Ok(None);
        };
        match &self.tracing {
            Some(same) if same.config() == wanted => Ok(Some(Arc::clone(same))),
            _ => match Tracing::start(wanted).await {
                Ok(new) => Ok(Some(Arc::new(new))),
                Err(error) => Err(StartError::Tracing(error)),
            },
        }
    }

    /// The upstreams in the order of the configuration.
    pub(super) fn upstreams(&self) -> Vec<Arc<Upstream>> {
        let upstreams = self.upstreams.iter();
        upstreams
            .map(|(_, upstream)| Arc::clone(upstream))
            .collect()
    }

    /// Waits, but not for ever, until nothing of it would begin with the first requests: each VM was started, each name was
    /// looked up.
    pub(super) async fn warm_up(&self) {
        let names: Vec<_> = self
            .upstreams
            .iter()
            .map(|(_, upstream)| upstream.look_up())
            .collect();
        let all = async {
            join_all(names).await;
            self.plugins.all_started().await;
        };
        if timeout(limits::WARM_UP, all).await.is_err() {
            tracing::warn!(
                waited = ?limits::WARM_UP,
                "some names are not looked up or some VMs not started yet; going on"
            );
        }
    }

    /// How many of the upstreams were there before.
    pub(super) fn upstreams_kept_from(&self, before: &Self) -> usize {
        let is_before = |upstream: &&(model::Upstream, Arc<Upstream>)| {
            let mut others = before.upstreams.iter();
            others.any(|other| Arc::ptr_eq(&upstream.1, &other.1))
        };
        self.upstreams.iter().filter(is_before).count()
    }
}

impl Assembled {
    /// Puts everything together beside what runs, and changes nothing of that. What `before` has already is taken over.
    pub(super) async fn new(
        config: &Config,
        host: &Host,
        before: &Stock,
    ) -> Result<Self, StartError> {
        let metrics = host.metrics.as_deref();
        let tls = before.tls(config)?;
        let mut stock = Stock {
            tls: tls.iter().flatten().cloned().collect(),
            upstreams: Vec::with_capacity(config.upstreams.len()),
            plugins: Arc::default(),
            middleware: BTreeMap::new(),
            users: Users::after(&before.users),
            access_log: before.access_log(config.access_log.as_ref())?,
            tracing: before.tracing(config.tracing.as_ref()).await?,
        };
        for model in &config.upstreams {
            let upstream = match before.upstream(model) {
                Some(same) => same,
                None => Arc::new(Upstream::new(model, secure(model)?, metrics)),
            };
            stock.upstreams.push((model.clone(), upstream));
        }
        let upstreams = stock.upstreams();
        // Plugins may call an upstream that is new while they start.
        let addition = host.upstreams.add(&upstreams);
        let mut plugins = Plugins::load(config, host, &before.plugins).await?;
        let mut routes = Vec::with_capacity(config.routes.len());
        let mut faults: Vec<PluginFault> = Vec::new();
        for route in &config.routes {
            // One chain for all listeners: each would have root contexts of its own.
            let place = Place::Route(route.id.clone());
            let chain = plugins.chain(place, &route.plugins, &before.plugins);
            let same = before.middleware.get(&route.id);
            let middleware = Middleware::new(&route.middleware, same, &mut stock.users);
            if let Some(middleware) = &middleware {
                let kept = middleware.clone();
                stock.middleware.insert(route.id.clone(), kept);
            }
            match chain.await {
                Ok(chain) => {
                    let action = Action::new(route, &upstreams);
                    routes.push((route, action, middleware, chain));
                }
                Err(fault) => faults.push(fault.into()),
            }
        }
        let mut chains = Vec::with_capacity(config.listeners.len());
        for listener in &config.listeners {
            let place = Place::Listener(listener.name.clone());
            let chain = plugins.chain(place, &listener.plugins, &before.plugins);
            match chain.await {
                Ok(chain) => chains.push(chain),
                Err(fault) => faults.push(fault.into()),
            }
        }
        if !faults.is_empty() {
            return Err(StartError::from(faults));
        }
        stock.plugins = Arc::new(plugins);
        stock.users.forget_before();
        let tracing = stock.tracing.as_ref();
        let chains = config.listeners.iter().zip(tls).zip(chains).enumerate();
        let listeners = chains.map(|(number, ((listener, tls), chain))| {
            let asked = chain.as_ref().is_some_and(LoomChain::reads_properties);
            let reports = Reports {
                response: stock.access_log.is_some() || asked,
                traces: tracing.is_some(),
            };
            let of_listener = || {
                routes
                    .iter()
                    .filter(|(route, ..)| route.listeners.contains(&number))
            };
            let selection = Selection::new(
                of_listener().map(|(route, action, ..)| (*route, action.clone())),
                listener.normalize_path,
            );
            let services = of_listener().map(|(_, action, middleware, plugins)| {
                let (action, plugins) = (action.clone(), plugins.clone());
                let middleware = middleware.clone();
                route_service(action, middleware, plugins, &selection, metrics, reports)
            });
            let table = RouteTable::new(Arc::clone(&selection), services, tracing.is_some());
            let stack = listener_stack(
                listener,
                table,
                chain,
                config.error_header,
                metrics,
                stock.access_log.as_ref(),
                tracing,
            );
            Served {
                name: listener.name.clone(),
                stack,
                limits: listener.limits,
                proxy_protocol: listener.proxy_protocol.clone(),
                tls,
                counters: metrics.map(|metrics| metrics.listener(&listener.name)),
            }
        });
        let listeners = listeners.collect();
        addition.keep();
        Ok(Self { listeners, stock })
    }
}

/// The TLS of an upstream, if there is to be any.
fn secure(upstream: &model::Upstream) -> Result<Option<Secure>, StartError> {
    let model::Target::Servers(servers) = &upstream.target else {
        return Ok(None);
    };
    let Some(tls) = &servers.tls else {
        return Ok(None);
    };
    let secure = Secure::new(tls, servers.protocol);
    secure.map(Some).map_err(|source| StartError::UpstreamTls {
        upstream: upstream.name.clone(),
        source,
    })
}
