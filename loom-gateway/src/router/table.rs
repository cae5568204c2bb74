//! The routes of a listener as one service.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::routing::future::RouteFuture;
use futures_util::future::{Either, Ready, ready};
use http::{Request, Response};
use loom_config::model;
use tower::Service;

use crate::errors::Failure;
use crate::router::matching::Matcher;
use crate::router::{access_log, host};

/// Finds a request's route and calls it; 404 when there is none.
///
/// axum's own matching knows neither hosts nor this order of precedence, and panics when patterns overlap.
#[derive(Debug, Clone)]
pub(crate) struct RouteTable {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    matcher: Matcher,
    routes: Vec<Named>,
}

#[derive(Debug)]
struct Named {
    id: String,
    router: Router,
}

impl RouteTable {
    /// The routes and the router of each.
    pub(crate) fn new<'a>(routes: impl IntoIterator<Item = (&'a model::Route, Router)>) -> Self {
        let mut inner = Inner {
            matcher: Matcher::default(),
            routes: Vec::new(),
        };
        for (route, router) in routes {
            inner
                .matcher
                .insert(&route.hosts, &route.paths, inner.routes.len());
            inner.routes.push(Named {
                id: route.id.clone(),
                router,
            });
        }
        Self {
            inner: Arc::new(inner),
        }
    }

    fn find(&self, request: &Request<Body>) -> Option<&Named> {
        let host = host::authority(request.uri(), request.headers()).and_then(host::comparable);
        let route = self
            .inner
            .matcher
            .find(host.as_deref().unwrap_or_default(), request.uri().path())?;
        self.inner.routes.get(route)
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
        match self.find(&request) {
            Some(route) => {
                access_log::name_route(&route.id);
                Either::Left(route.router.clone().call(request))
            }
            None => Either::Right(ready(Ok(
                Failure::NoRoute.respond(request.uri().path(), None)
            ))),
        }
    }
}
