//! Configuration in, routers out.

use std::sync::Arc;

use axum::Router;
use loom_config::model::{Config, Route};
use loom_layer::{LoomChain, PluginService, RouteInfo};

use super::error::StartError;
use crate::plugins::Plugins;
use crate::proxy::{ProxyService, Upstream};
use crate::route::{RouteParts, route_router};
use crate::router::{RouteTable, listener_router};

/// Everything that a configuration describes, ready to be served.
#[derive(Debug)]
pub(super) struct Assembled {
    /// One router per listener, in the order of the configuration.
    pub(super) listeners: Vec<Router>,
    /// The plugins that run without a route.
    pub(super) services: Vec<PluginService>,
}

impl Assembled {
    pub(super) async fn new(config: &Config) -> Result<Self, StartError> {
        let upstreams: Vec<_> = config
            .upstreams
            .iter()
            .map(|upstream| Arc::new(Upstream::new(upstream)))
            .collect();
        let plugins = Plugins::load(config, &upstreams).await?;
        let mut routes = Vec::with_capacity(config.routes.len());
        for route in &config.routes {
            let parts = parts(config, route, &plugins, &upstreams).await?;
            routes.push((route, route_router(parts)));
        }
        let listeners = (0..config.listeners.len()).map(|listener| {
            let of_listener = routes
                .iter()
                .filter(|(route, _)| route.listeners.contains(&listener));
            listener_router(RouteTable::new(
                of_listener.map(|(route, router)| (*route, router.clone())),
            ))
        });
        Ok(Self {
            listeners: listeners.collect(),
            services: plugins.into_services(),
        })
    }
}

async fn parts(
    config: &Config,
    route: &Route,
    plugins: &Plugins,
    upstreams: &[Arc<Upstream>],
) -> Result<RouteParts, StartError> {
    let plugins = plugins.chain(&route.plugins).await?;
    let reports = plugins.as_ref().is_some_and(LoomChain::reads_properties);
    Ok(RouteParts {
        info: RouteInfo::new(&route.id).upstream(&config.upstreams[route.upstream].name),
        plugins,
        timeout: route.timeout,
        proxy: ProxyService::new(Arc::clone(&upstreams[route.upstream])).reporting(reports),
    })
}
