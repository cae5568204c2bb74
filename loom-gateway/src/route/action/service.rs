//! The inside of a route as a service.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use http::{Request, Response};
use loom_layer::grpc::is_grpc;
use loom_layer::{PathParameters, Reroute, RouteInfo};
use pin_project_lite::pin_project;
use tower::Service;

use super::{Action, Answer, made};
use crate::errors::Failure;
use crate::grpc::shape;
use crate::proxy::Reports;
use crate::route::changes::Changes;
use crate::route::timeout::TimeoutChange;
use crate::router::Selection;

/// The inside of a route: its action or, when a plugin asked for another choice, the action of the route that takes the
/// request as it is now. The plugins of that route do not run, and nobody chooses a third time.
#[derive(Debug, Clone)]
pub(crate) struct ActionService(Arc<Parts>);

/// What all requests of a route share: layers clone the service for each.
#[derive(Debug)]
struct Parts {
    own: Arc<Action>,
    /// Who may ask how an upstream was reached.
    reports: Reports,
    /// Where plugins may ask for another choice.
    routes: Option<Arc<Selection>>,
}

impl ActionService {
    pub(in crate::route) fn new(
        own: Arc<Action>,
        reports: Reports,
        routes: Option<Arc<Selection>>,
    ) -> Self {
        Self(Arc::new(Parts {
            own,
            reports,
            routes,
        }))
    }
}

impl Service<Request<Body>> for ActionService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ActionFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.send(request)
    }
}

impl ActionService {
    /// As `call` does, for whoever has only a reference.
    pub(in crate::route) fn send(&self, request: Request<Body>) -> ActionFuture {
        let is_grpc = is_grpc(request.headers());
        ActionFuture {
            is_grpc,
            ..self.answer(request)
        }
    }

    fn answer(&self, mut request: Request<Body>) -> ActionFuture {
        let Parts {
            own,
            reports,
            routes,
        } = &*self.0;
        let routes = routes
            .as_ref()
            .filter(|_| request.extensions_mut().remove::<Reroute>().is_some());
        let Some(routes) = routes else {
            let (answer, info) = own.answer(request, *reports);
            let taken = info.map(|info| Taken {
                info,
                parameters: None,
            });
            return ActionFuture::new(answer, own.changes(), taken);
        };
        // What a plugin wrote is judged in the same spelling as what a client wrote.
        if let Err(failure) = routes.normalize(request.uri_mut()) {
            let response = failure.respond(request.uri().path(), None);
            return ActionFuture::new(made(response), None, None);
        }
        let (method, uri) = (request.method(), request.uri());
        let Some(found) = routes.find(method, uri, request.headers()) else {
            let response = Failure::NoRoute.respond(request.uri().path(), None);
            return ActionFuture::new(made(response), None, None);
        };
        let action = found.action;
        let parameters = found.parameters(uri.path());
        let extensions = request.extensions_mut();
        if let Some(change) = extensions.remove::<TimeoutChange>() {
            change.set(action.timeout());
        }
        extensions.remove::<PathParameters>();
        if let Some(parameters) = &parameters {
            extensions.insert(parameters.clone());
        }
        let (answer, info) = action.answer(request, *reports);
        let taken = Taken {
            info: info.unwrap_or_else(|| action.info().clone()),
            parameters,
        };
        ActionFuture::new(answer, action.changes(), Some(taken))
    }
}

pin_project! {
    /// The future of [`ActionService`].
    pub(crate) struct ActionFuture {
        #[pin]
        inner: Answer,
        changes: Option<Arc<Changes>>,
        taken: Option<Taken>,
        // Plugins are to see a failure as the client will.
        is_grpc: bool,
    }
}

/// The route and the upstream that were chosen in the end, for plugins to read.
struct Taken {
    info: RouteInfo,
    parameters: Option<PathParameters>,
}

impl ActionFuture {
    fn new(inner: Answer, changes: Option<Arc<Changes>>, taken: Option<Taken>) -> Self {
        Self {
            inner,
            changes,
            taken,
            is_grpc: false,
        }
    }
}

impl Future for ActionFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(mut response) = ready!(this.inner.poll(cx));
        if *this.is_grpc {
            response = shape(response);
        }
        if let Some(changes) = this.changes.take() {
            changes.response(&mut response);
        }
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
