//! A route as one service.

use std::convert::Infallible;

use axum::body::Body;
use futures_util::future::Either;
use http::{Request, Response};

use super::action::{ActionFuture, ActionService};
use crate::stack::{Stack, StackFuture};

/// What a route does, within its layers if it has any.
///
/// A route without layers is called as it is: all of those that are not there, and the box around them, cost a request more
/// than what the route does.
#[derive(Debug, Clone)]
pub(crate) enum RouteService {
    Bare(ActionService),
    Stack(Stack),
}

/// The future of [`RouteService`].
pub(crate) type RouteFuture = Either<ActionFuture, StackFuture>;

impl RouteService {
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
