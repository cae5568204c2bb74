//! The layer and its service.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::body::Body;
use futures_util::future::{Either, Ready, ready};
use http::{Request, Response};
use http_body::Body as _;
use tokio::sync::oneshot;
use tower::{Layer, Service};

use super::body::LimitedBody;
use super::future::BodyLimitFuture;
use crate::errors::Failure;
use crate::upgrade::Asked;

/// Puts [`BodyLimit`] around a service.
#[derive(Debug, Clone, Copy)]
pub(in crate::route::middleware) struct BodyLimitLayer {
    limit: u64,
}

impl BodyLimitLayer {
    /// Bodies have at most this many bytes.
    pub(in crate::route::middleware) fn new(limit: u64) -> Self {
        Self { limit }
    }
}

impl<S> Layer<S> for BodyLimitLayer {
    type Service = BodyLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BodyLimit {
            inner,
            limit: self.limit,
        }
    }
}

/// Gives the inner service no body that is too large.
#[derive(Debug, Clone)]
pub(in crate::route::middleware) struct BodyLimit<S> {
    inner: S,
    limit: u64,
}

impl<S> Service<Request<Body>> for BodyLimit<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<BodyLimitFuture<S::Future>, Ready<Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let size = request.body().size_hint();
        if size.lower() > self.limit {
            let response = Failure::RequestTooLarge.respond(request.uri().path(), None);
            return Either::Right(ready(Ok(response)));
        }
        let fits = size.upper().is_some_and(|upper| upper <= self.limit);
        // What follows an upgrade is no part of the request.
        if fits || request.extensions().get::<Asked>().is_some() {
            return Either::Left(BodyLimitFuture::new(self.inner.call(request)));
        }
        let (beyond, watch) = oneshot::channel();
        let uri = request.uri().clone();
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let request = request.map(|body| Body::new(LimitedBody::new(body, limit, beyond)));
        let answer = self.inner.call(request);
        Either::Left(BodyLimitFuture::watching(answer, watch, uri))
    }
}
