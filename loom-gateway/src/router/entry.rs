//! What stands between the listener's layers and the routes: the listener's plugins, if it has any.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::body::Body;
use futures_util::future::Either;
use http::Request;
use loom_config::model::NormalizePath;
use loom_layer::{LoomChain, Reroute};
use tower::{Service, ServiceBuilder};
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_http::map_response_body::MapResponseBodyLayer;

use super::normalize::NormalizePathLayer;
use super::table::RouteTable;
use crate::route::plain;
use crate::stack::Stack;

/// The routes of a listener, behind its plugins.
///
/// The two ways apart, and not a layer that may be there: its future would be part of every request's, plugins or not.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    Routes(RouteTable),
    Plugins(Stack),
}

impl Entry {
    pub(super) fn new(
        routes: RouteTable,
        plugins: Option<LoomChain>,
        paths: NormalizePath,
    ) -> Self {
        let Some(chain) = plugins else {
            return Self::Routes(routes);
        };
        let stack = ServiceBuilder::new()
            .layer(MapResponseBodyLayer::new(Body::new))
            .layer(chain)
            .layer(MapRequestBodyLayer::new(plain))
            // The route is not chosen yet: who asks that it is chosen anew has what it wants.
            .map_request(forget_reroute)
            // What a plugin wrote is judged in the same spelling as what a client wrote.
            .layer(NormalizePathLayer::behind_plugins(paths))
            .service(routes);
        Self::Plugins(Stack::new(stack))
    }
}

fn forget_reroute(mut request: Request<Body>) -> Request<Body> {
    request.extensions_mut().remove::<Reroute>();
    request
}

impl Service<Request<Body>> for Entry {
    type Response = <RouteTable as Service<Request<Body>>>::Response;
    type Error = Infallible;
    type Future = <RouteTable as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self {
            Self::Routes(routes) => routes.call(request),
            Self::Plugins(plugins) => Either::Right(plugins.send(request)),
        }
    }
}
