//! The service.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response};
use tower::Service;

use super::future::ProxyFuture;
use super::retry::Retries;
use super::upstream::{Target, Upstream};
use super::{echo, rewrite};
use crate::metrics::{Watched, Watching};
use crate::upgrade;

/// Sends requests to an upstream. Whatever goes wrong becomes a response.
#[derive(Debug, Clone)]
pub(crate) struct ProxyService {
    upstream: Arc<Upstream>,
    reports: bool,
    retries: Option<Arc<Retries>>,
}

impl ProxyService {
    /// The service that sends requests to `upstream`.
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        Self {
            upstream,
            reports: false,
            retries: None,
        }
    }

    /// Says in the response's extensions how the upstream was reached, for plugins that may ask.
    pub(crate) fn reporting(mut self, reports: bool) -> Self {
        self.reports = reports;
        self
    }

    fn answer(&self, mut request: Request<Body>) -> ProxyFuture {
        match &self.upstream.target {
            Target::Servers(servers) => ProxyFuture::send(
                Arc::clone(servers),
                request,
                self.reports,
                self.retries.clone(),
            ),
            Target::Echo => {
                rewrite::headers(&mut request, None);
                upgrade::give_up(&mut request);
                ProxyFuture::run(echo::answer(request))
            }
        }
    }

    /// Sends requests once more by these rules.
    pub(crate) fn retrying(mut self, retries: Option<Arc<Retries>>) -> Self {
        self.retries = retries;
        self
    }
}

impl Service<Request<Body>> for ProxyService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Watched<ProxyFuture>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let watching = Watching::head(self.upstream.traffic.as_ref());
        Watched::new(self.answer(request), watching)
    }
}
