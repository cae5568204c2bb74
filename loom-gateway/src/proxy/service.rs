//! The service.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response};
use tower::Service;

use super::future::ProxyFuture;
use super::pool::Report;
use super::retry::Retries;
use super::upstream::{Servers, Target, Upstream};
use super::{echo, rewrite};
use crate::metrics::{Watched, Watching};
use crate::trace::{Attempts, Trace};
use crate::upgrade;

/// Who wants to know how a request's upstream was reached. Without anybody, nothing is noted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reports {
    /// Plugins or the access log, which find it in the response's extensions.
    pub(crate) response: bool,
    /// Spans of requests that are recorded.
    pub(crate) traces: bool,
}

impl Reports {
    /// The report about a request, for whoever wants one.
    fn begin<B>(self, servers: &Servers, request: &Request<B>) -> Option<Report> {
        let trace = self.traces.then(|| Trace::of(request)).flatten();
        if !self.response && trace.is_none() {
            return None;
        }
        let trace = trace.map(|trace| Attempts::new(trace, servers.upstream()));
        Some(servers.report().traced(trace))
    }
}

/// Sends requests to an upstream. Whatever goes wrong becomes a response.
#[derive(Debug, Clone)]
pub(crate) struct ProxyService {
    upstream: Arc<Upstream>,
    reports: Reports,
    retries: Option<Arc<Retries>>,
}

impl ProxyService {
    /// The service that sends requests to `upstream`.
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        Self {
            upstream,
            reports: Reports::default(),
            retries: None,
        }
    }

    /// Tells how the upstream was reached.
    pub(crate) fn reporting(mut self, reports: Reports) -> Self {
        self.reports = reports;
        self
    }

    fn answer(&self, mut request: Request<Body>) -> ProxyFuture {
        match &self.upstream.target {
            Target::Servers(servers) => ProxyFuture::send(
                Arc::clone(servers),
                self.reports.begin(servers, &request),
                request,
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
