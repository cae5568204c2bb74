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
use tower::Layer;
use tower::util::{MapResponseLayer, option_layer};
use tower_http::add_extension::AddExtensionLayer;
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_http::map_response_body::MapResponseBodyLayer;

pub(crate) use action::{Action, Preview};
pub(crate) use middleware::{Middleware, Users};
pub(crate) use service::{RouteFuture, RouteService};

use crate::metrics::{Metrics, WatchLayer};
use crate::proxy::Reports;
use crate::router::Selection;
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
    // SDKs import all host calls, so that nearly every plugin could have another route chosen. Where none has a timeout, that
    // changes none.
    let can_change = can_reroute && routes.have_timeouts();
    let timeout = RouteTimeoutLayer::new(action.timeout(), can_change);
    let idle_timeout = action.idle_timeout().map(IdleTimeoutLayer::new);
    let watch = metrics.map(|metrics| WatchLayer::new(metrics.route(action.info().route_name())));
    let info = action.info().clone();
    let name = logged.then(|| MapResponseLayer::new(name(info.clone())));
    let routes = can_reroute.then(|| Arc::clone(routes));
    let mut route = RouteService::Bare(ActionService::new(action, reports, routes));
    // From the inside to the outside, in one box what is often there together.
    if let Some(chain) = plugins {
        // The plugins of a route are one layer, so that ten of them cost no ten futures and bodies.
        route = route.within((
            // They read it as `xds.route_name` and `xds.cluster_name`.
            AddExtensionLayer::new(info),
            MapResponseBodyLayer::new(Body::new),
            chain,
            MapRequestBodyLayer::new(plain),
        ));
    }
    if timeout.is_some() || idle_timeout.is_some() {
        // Around the plugins: a request that one of them holds is a request that the client waits for.
        route = route.within((option_layer(timeout), option_layer(idle_timeout)));
    }
    if let Some(middleware) = middleware {
        // Around the plugins and their time: what it refuses never meets them.
        route = RouteService::Stack(MiddlewareLayer::new(middleware).layer(route));
    }
    if watch.is_some() || name.is_some() {
        // Around everything of the route: what it counts is what clients see of it.
        route = route.within((option_layer(watch), option_layer(name)));
    }
    route
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
