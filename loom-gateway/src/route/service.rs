//! A route as one service.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::body::Body;
use futures_util::future::Either;
use http::{Request, Response};
use tower::{Layer, Service};

use super::action::{ActionFuture, ActionService};
use crate::stack::{Stack, StackFuture};

/// What a route does, within its layers if it has any.
///
/// The layers that are there have boxes for a request's future, and one that is not there costs nothing. As one type
/// with `tower`'s `option_layer`, all those that a route does not have cost a request more than what the route does: their
/// futures are nested, moved as a whole, and asked one by one what they are.
#[derive(Debug, Clone)]
pub(crate) enum RouteService {
    Bare(ActionService),
    Stack(Stack),
}

/// The future of [`RouteService`].
pub(crate) type RouteFuture = Either<ActionFuture, StackFuture>;

impl RouteService {
    /// The route within a layer.
    pub(super) fn within<L>(self, layer: L) -> Self
    where
        L: Layer<Self>,
        L::Service: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        <L::Service as Service<Request<Body>>>::Future: Send,
    {
        Self::Stack(Stack::new(layer.layer(self)))
    }

    /// Answers a request.
    pub(crate) fn send(&self, request: Request<Body>) -> RouteFuture {
        match self {
            Self::Bare(action) => Either::Left(action.send(request)),
            Self::Stack(stack) => Either::Right(stack.send(request)),
        }
    }

    /// An answer that no route gives.
    pub(crate) fn answered(response: Response<Body>) -> RouteFuture {
        Either::Right(Box::pin(std::future::ready(Ok::<_, Infallible>(response))))
    }
}

impl Service<Request<Body>> for RouteService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = RouteFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> RouteFuture {
        self.send(request)
    }
}
