//! The service.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response};
use tower::Service;

use super::future::ProxyFuture;
use super::pool::Pool;
use super::upstream::{Target, Upstream};
use super::{echo, rewrite};
use crate::errors::Failure;

/// Sends requests to an upstream. Whatever goes wrong becomes a response.
#[derive(Debug, Clone)]
pub(crate) struct ProxyService {
    upstream: Arc<Upstream>,
}

impl ProxyService {
    /// The service that sends requests to `upstream`.
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        Self { upstream }
    }

    fn send(&self, pool: &Pool, mut request: Request<Body>) -> ProxyFuture {
        let Some(endpoint) = pool.next() else {
            return ProxyFuture::ready(Failure::NoEndpoint.respond(&self.upstream.name, None));
        };
        rewrite::request(&mut request, endpoint.authority());
        ProxyFuture::send(Arc::clone(endpoint), request, Arc::clone(&self.upstream))
    }
}

impl Service<Request<Body>> for ProxyService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ProxyFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match &self.upstream.target {
            Target::Pool(pool) => self.send(pool, request),
            Target::Echo => {
                rewrite::headers(&mut request, None);
                ProxyFuture::local(echo::answer(request))
            }
        }
    }
}
