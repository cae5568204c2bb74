//! The layer and its service.

use std::task::{Context, Poll};

use axum::body::Body;
use futures_util::future::{Either, Ready, ready};
use http::{Request, Response};
use loom_config::model::ListenerLimits;
use tower::{Layer, Service};

use super::admit::{HeadLimits, admit};
use super::headers::clean;

/// Puts [`Client`] around a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientLayer {
    most: HeadLimits,
}

impl ClientLayer {
    pub(crate) fn new(limits: &ListenerLimits) -> Self {
        Self {
            most: HeadLimits::new(limits),
        }
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = Client<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Client {
            inner,
            most: self.most,
        }
    }
}

/// Gives the inner service requests that are well formed and say nothing on the client's own authority.
#[derive(Debug, Clone)]
pub(crate) struct Client<S> {
    inner: S,
    most: HeadLimits,
}

impl<S, B> Service<Request<B>> for Client<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Err(refusal) = admit(&mut request, self.most) {
            return Either::Right(ready(Ok(refusal.response(&request))));
        }
        clean(&mut request);
        Either::Left(self.inner.call(request))
    }
}
