//! The routes of a listener as one service.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::routing::future::RouteFuture;
use futures_util::future::{Either, Ready, ready};
use http::{Request, Response};
use tower::Service;

use super::access_log;
use super::selection::Selection;
use crate::errors::Failure;

/// Finds a request's route and calls it; 404 when there is none.
///
/// axum's own matching knows neither hosts nor this order of precedence, and panics when patterns overlap.
#[derive(Debug, Clone)]
pub(crate) struct RouteTable {
    selection: Arc<Selection>,
    routers: Arc<[Router]>,
}

impl RouteTable {
    /// The routes of a listener, and the router of each in the same order.
    pub(crate) fn new(
        selection: Arc<Selection>,
        routers: impl IntoIterator<Item = Router>,
    ) -> Self {
        Self {
            selection,
            routers: routers.into_iter().collect(),
        }
    }
}

impl Service<Request<Body>> for RouteTable {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<RouteFuture<Infallible>, Ready<Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let found = self.selection.find(request.uri(), request.headers());
        let found = found.and_then(|(route, action)| Some((self.routers.get(route)?, action)));
        match found {
            Some((router, action)) => {
                access_log::name_route(action.info().route_name());
                Either::Left(router.clone().call(request))
            }
            None => Either::Right(ready(Ok(
                Failure::NoRoute.respond(request.uri().path(), None)
            ))),
        }
    }
}
