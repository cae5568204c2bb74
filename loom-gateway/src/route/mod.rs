//! A route is a stack: its layers around what it does with a request.

mod action;
mod changes;
mod idle;
mod middleware;
mod service;
mod timeout;

use std::sync::Arc;

use axum::body::Body;
use http::Response;
use loom_layer::{LoomChain, RequestBody, RouteInfo};
use tower::ServiceBuilder;
use tower::util::MapResponseLayer;
use tower_http::add_extension::AddExtensionLayer;
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_http::map_response_body::MapResponseBodyLayer;

pub(crate) use action::{Action, Preview};
pub(crate) use middleware::{Middleware, Users};
pub(crate) use service::{RouteFuture, RouteService};

use crate::metrics::{Metrics, WatchLayer};
use crate::proxy::Reports;
use crate::router::Selection;
use crate::stack::Stack;
use crate::trace::plugin_observer;
use action::ActionService;
use idle::IdleTimeoutLayer;
use middleware::MiddlewareLayer;
use timeout::RouteTimeoutLayer;

/// A request's body behind plugins as the rest of the gateway knows bodies; boxed only when plugins look at it.
pub(crate) fn plain(body: RequestBody<Body>) -> Body {
    match body.try_into_inner() {
        Ok(plain) => plain,
        Err(body) => Body::new(body),
    }
}

/// A route: its plugins, outermost first, around what it does. `routes` are those of its listener, among
/// which a plugin may have another one chosen. `reports`: what the response says of its way, and to whom.
pub(crate) fn route_service(
    action: Arc<Action>,
    middleware: Option<Middleware>,
    plugins: Option<LoomChain>,
    routes: &Arc<Selection>,
    metrics: Option<&Metrics>,
    reports: Reports,
) -> RouteService {
    let logged = reports.response;
    let asked = plugins.as_ref().is_some_and(LoomChain::reads_properties);
    let reports = Reports {
        response: logged || asked,
        ..reports
    };
    let plugins = plugins.map(|chain| match reports.traces {
        true => chain.observed(plugin_observer),
        false => chain,
    });
    let can_reroute = plugins.as_ref().is_some_and(LoomChain::can_reroute);
    let timeout = RouteTimeoutLayer::new(action.timeout(), can_reroute);
    let routes = can_reroute.then(|| Arc::clone(routes));
    let watch = metrics.map(|metrics| WatchLayer::new(metrics.route(action.info().route_name())));
    let idle_timeout = action.idle_timeout();
    let info = action.info().clone();
    let action = ActionService::new(action, reports, routes);
    let has_layers = logged
        || watch.is_some()
        || middleware.is_some()
        || timeout.is_some()
        || idle_timeout.is_some()
        || plugins.is_some();
    if !has_layers {
        return RouteService::Bare(action);
    }
    let name = logged.then(|| name(info.clone()));
    let stack = ServiceBuilder::new()
        // Around everything of the route: what it counts is what clients see of it.
        .option_layer(watch)
        // Around the plugins, which may answer themselves.
        .option_layer(name.map(MapResponseLayer::new))
        // Around the plugins and their time: what it refuses never meets them.
        .option_layer(middleware.map(MiddlewareLayer::new))
        // Around the plugins: a request that one of them holds is a request that the client waits for.
        .option_layer(timeout)
        .option_layer(idle_timeout.map(IdleTimeoutLayer::new))
        // The plugins of a route are one layer, so that ten of them cost no ten futures and bodies. The body types end
        // here: what is around a chain and what is inside of it are the same for routes without one.
        .option_layer(plugins.map(|chain| {
            (
                // They read it as `xds.route_name` and `xds.cluster_name`.
                AddExtensionLayer::new(info),
                MapResponseBodyLayer::new(Body::new),
                chain,
                MapRequestBodyLayer::new(plain),
            )
        }))
        .service(action);
    RouteService::Stack(Stack::new(stack))
}

/// Puts the route into the response, unless another one was chosen in the end.
fn name(route: RouteInfo) -> impl Fn(Response<Body>) -> Response<Body> + Clone {
    move |mut response| {
        response
            .extensions_mut()
            .get_or_insert_with(|| route.clone());
        response
    }
}
