//! A route is an axum `Router`: the layers of one route around the proxy service.

mod timeout;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use loom_layer::{LoomChain, RouteInfo};
use tower::ServiceBuilder;
use tower_http::add_extension::AddExtensionLayer;
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_http::map_response_body::MapResponseBodyLayer;

use crate::proxy::ProxyService;
use timeout::RouteTimeoutLayer;

/// What a route is made of.
#[derive(Debug)]
pub(crate) struct RouteParts {
    /// The names that plugins see.
    pub(crate) info: RouteInfo,
    /// The plugins, outermost first; `None` when there are none.
    pub(crate) plugins: Option<LoomChain>,
    /// The limit for the response.
    pub(crate) timeout: Option<Duration>,
    /// Where requests go.
    pub(crate) proxy: ProxyService,
}

/// The router of a route: its layers around its upstream.
pub(crate) fn route_router(parts: RouteParts) -> Router {
    let RouteParts {
        info,
        plugins,
        timeout,
        proxy,
    } = parts;
    let stack = ServiceBuilder::new()
        // Before the plugins, which read it as `xds.route_name` and `xds.cluster_name`.
        .layer(AddExtensionLayer::new(info))
        // Around the plugins: a request that one of them holds is a request that the client waits for.
        .option_layer(timeout.map(RouteTimeoutLayer::new))
        // The plugins of a route are one layer, so that ten of them cost no ten futures and bodies. The body types end
        // here: what is around a chain and what is inside of it are the same for routes without one.
        .option_layer(plugins.map(|chain| {
            (
                MapResponseBodyLayer::new(Body::new),
                chain,
                MapRequestBodyLayer::new(Body::new),
            )
        }))
        .service(proxy);
    Router::new().fallback_service(stack)
}
