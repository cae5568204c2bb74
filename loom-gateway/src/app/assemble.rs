//! Configuration in, routers out.

use std::sync::Arc;

use axum::Router;
use loom_config::model::{Config, Route};
use loom_layer::{PluginService, RouteInfo};

use super::error::StartError;
use crate::plugins::Plugins;
use crate::proxy::{ProxyService, Upstream};
use crate::route::{Action, route_router};
use crate::router::{RouteTable, Selection, listener_router};

/// Everything that a configuration describes, ready to be served.
#[derive(Debug)]
pub(super) struct Assembled {
    /// One router per listener, in the order of the configuration.
    pub(super) listeners: Vec<Router>,
    /// The plugins that run without a route.
    pub(super) services: Vec<PluginService>,
    /// Where requests go, in the order of the configuration.
    pub(super) upstreams: Vec<Arc<Upstream>>,
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
            // One chain for all listeners: each would have root contexts of its own.
            routes.push((route, plugins.chain(&route.plugins).await?));
        }
        let action = |route: &Route| action(config, route, &upstreams);
        let listeners = (0..config.listeners.len()).map(|listener| {
            let of_listener = || {
                routes
                    .iter()
                    .filter(|(route, _)| route.listeners.contains(&listener))
            };
            let selection = Selection::new(of_listener().map(|(route, _)| (*route, action(route))));
            let routers = of_listener()
                .map(|(route, plugins)| route_router(action(route), plugins.clone(), &selection));
            listener_router(RouteTable::new(Arc::clone(&selection), routers))
        });
        Ok(Self {
            listeners: listeners.collect(),
            services: plugins.into_services(),
            upstreams,
        })
    }
}

/// What a route does with its requests.
fn action(config: &Config, route: &Route, upstreams: &[Arc<Upstream>]) -> Action {
    let info = RouteInfo::new(&route.id).upstream(&config.upstreams[route.upstream].name);
    let proxy = ProxyService::new(Arc::clone(&upstreams[route.upstream]));
    Action::new(info, route.timeout, proxy)
}
