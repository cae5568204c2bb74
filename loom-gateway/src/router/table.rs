//! The routes of a listener as one service.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response};
use tower::Service;

use super::access_log;
use super::selection::Selection;
use crate::errors::Failure;
use crate::route::{RouteFuture, RouteService};
use crate::trace::Trace;

/// Finds a request's route and calls it; 404 when there is none.
///
/// axum's own matching knows neither hosts and conditions nor this order of precedence, and panics when patterns overlap.
#[derive(Debug, Clone)]
pub(crate) struct RouteTable {
    selection: Arc<Selection>,
    routes: Arc<[RouteService]>,
    /// Whether spans of requests are made, which name the route.
    traced: bool,
}

impl RouteTable {
    /// The routes of a listener, and the service of each in the same order.
    pub(crate) fn new(
        selection: Arc<Selection>,
        routes: impl IntoIterator<Item = RouteService>,
        traced: bool,
    ) -> Self {
        Self {
            selection,
            routes: routes.into_iter().collect(),
            traced,
        }
    }
}

impl Service<Request<Body>> for RouteTable {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = RouteFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let (method, uri) = (request.method(), request.uri());
        let found = self.selection.find(method, uri, request.headers());
        let found = found.and_then(|found| Some((self.routes.get(found.place)?, found)));
        match found {
            Some((route, found)) => {
                let id = found.action.info().route_name();
                access_log::name_route(id);
                if self.traced
                    && let Some(trace) = Trace::of(&request)
                {
                    trace.name_route(id, found.path);
                }
                if let Some(parameters) = found.parameters(uri.path()) {
                    request.extensions_mut().insert(parameters);
                }
                route.send(request)
            }
            None => {
                let response = Failure::NoRoute.respond(request.uri().path(), None);
                RouteService::answered(response)
            }
        }
    }
}
