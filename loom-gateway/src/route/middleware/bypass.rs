//! Requests that a layer is not for go past it.

use std::task::{Context, Poll};

use axum::body::Body;
use futures_util::future::Either;
use http::Request;
use tower::{Layer, Service};

/// Puts a layer around a service, for requests that it is for.
#[derive(Debug, Clone)]
pub(super) struct BypassLayer<L> {
    layer: L,
    is_for: fn(&Request<Body>) -> bool,
}

impl<L> BypassLayer<L> {
    pub(super) fn new(layer: L, is_for: fn(&Request<Body>) -> bool) -> Self {
        Self { layer, is_for }
    }
}

impl<S: Clone, L: Layer<S>> Layer<S> for BypassLayer<L> {
    type Service = Bypass<L::Service, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Bypass {
            around: self.layer.layer(inner.clone()),
            inner,
            is_for: self.is_for,
        }
    }
}

/// A service with a layer around it, and the way past that. Like all services of a route it is always ready.
#[derive(Debug, Clone)]
pub(super) struct Bypass<A, S> {
    around: A,
    inner: S,
    is_for: fn(&Request<Body>) -> bool,
}

impl<A, S> Service<Request<Body>> for Bypass<A, S>
where
    A: Service<Request<Body>>,
    S: Service<Request<Body>, Response = A::Response, Error = A::Error>,
{
    type Response = A::Response;
    type Error = A::Error;
    type Future = Either<A::Future, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        match self.around.poll_ready(cx) {
            Poll::Ready(Ok(())) => self.inner.poll_ready(cx),
            other => other,
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if (self.is_for)(&request) {
            Either::Left(self.around.call(request))
        } else {
            Either::Right(self.inner.call(request))
        }
    }
}
