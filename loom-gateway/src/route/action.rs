//! What a route does with a request behind its plugins.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use futures_util::future::Either;
use http::{Request, Response};
use loom_layer::{PathParameters, Reroute, RouteInfo};
use pin_project_lite::pin_project;
use tower::Service;

use super::timeout::TimeoutChange;
use crate::errors::Failure;
use crate::proxy::ProxyService;
use crate::router::{Selection, normalize_path};

/// See the module's text.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    info: RouteInfo,
    timeout: Option<Duration>,
    proxy: ProxyService,
}

impl Action {
    /// What the route of these names does: it sends requests on, within a time.
    pub(crate) fn new(info: RouteInfo, timeout: Option<Duration>, proxy: ProxyService) -> Self {
        Self {
            info,
            timeout,
            proxy,
        }
    }

    /// The names that plugins see.
    pub(crate) fn info(&self) -> &RouteInfo {
        &self.info
    }

    /// The limit for the response.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }
}

/// The inside of a route: its action or, when a plugin asked for another choice, the action of the route that takes the
/// request as it is now. The plugins of that route do not run, and nobody chooses a third time.
#[derive(Debug, Clone)]
pub(super) struct ActionService {
    own: Action,
    /// Whether plugins may ask how an upstream was reached.
    reports: bool,
    /// Where plugins may ask for another choice.
    routes: Option<Arc<Selection>>,
}

impl ActionService {
    pub(super) fn new(own: Action, reports: bool, routes: Option<Arc<Selection>>) -> Self {
        let own = Action {
            proxy: own.proxy.reporting(reports),
            ..own
        };
        Self {
            own,
            reports,
            routes,
        }
    }
}

type NoRoute = Ready<Result<Response<Body>, Infallible>>;

impl Service<Request<Body>> for ActionService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<ActionFuture, NoRoute>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let routes = self
            .routes
            .as_ref()
            .filter(|_| request.extensions_mut().remove::<Reroute>().is_some());
        let Some(routes) = routes else {
            return Either::Left(ActionFuture::new(self.own.proxy.call(request), None));
        };
        // What a plugin wrote is judged in the same spelling as what a client wrote.
        if let Err(failure) = normalize_path(request.uri_mut()) {
            let response = failure.respond(request.uri().path(), None);
            return Either::Right(ready(Ok(response)));
        }
        let (method, uri) = (request.method(), request.uri());
        let Some(found) = routes.find(method, uri, request.headers()) else {
            let response = Failure::NoRoute.respond(request.uri().path(), None);
            return Either::Right(ready(Ok(response)));
        };
        let action = found.action;
        let parameters = found.parameters(uri.path());
        if let Some(change) = request.extensions_mut().remove::<TimeoutChange>() {
            change.set(action.timeout);
        }
        let response = action.proxy.clone().reporting(self.reports).call(request);
        let taken = Taken {
            info: action.info.clone(),
            parameters,
        };
        Either::Left(ActionFuture::new(response, Some(taken)))
    }
}

pin_project! {
    /// The future of [`ActionService`].
    pub(super) struct ActionFuture {
        #[pin]
        inner: <ProxyService as Service<Request<Body>>>::Future,
        taken: Option<Taken>,
    }
}

/// The route that was chosen in the end, for plugins to read.
struct Taken {
    info: RouteInfo,
    parameters: Option<PathParameters>,
}

impl ActionFuture {
    fn new(inner: <ProxyService as Service<Request<Body>>>::Future, taken: Option<Taken>) -> Self {
        Self { inner, taken }
    }
}

impl Future for ActionFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(mut response) = ready!(this.inner.poll(cx));
        if let Some(taken) = this.taken.take() {
            let extensions = response.extensions_mut();
            extensions.insert(taken.info);
            if let Some(parameters) = taken.parameters {
                extensions.insert(parameters);
            }
        }
        Poll::Ready(Ok(response))
    }
}
