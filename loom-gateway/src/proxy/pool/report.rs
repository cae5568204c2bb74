//! How an endpoint was reached, for plugins that ask, the access log and traces.

use std::time::{Duration, Instant};

use loom_layer::UpstreamInfo;

use axum::body::Body;
use http::{Request, Response};

use super::endpoint::Endpoint;
use super::ends::{Addresses, Ends};
use super::exchange::SendError;
use crate::errors::Cause;
use crate::proxy::failure::classify;
use crate::trace::{Attempts, Peer};

/// One request's way to an endpoint. Kept only where somebody may ask.
#[derive(Debug)]
pub(in crate::proxy) struct Report {
    endpoints: usize,
    asked: Instant,
    pub(in crate::proxy) attempts: u32,
    reached: Option<(Ends, Duration)>,
    trace: Option<Box<Attempts>>,
}

impl Report {
    pub(in crate::proxy) fn new(endpoints: usize) -> Self {
        Self {
            endpoints,
            asked: Instant::now(),
            attempts: 1,
            reached: None,
            trace: None,
        }
    }

    /// Makes a span of each attempt.
    pub(in crate::proxy) fn traced(mut self, trace: Option<Attempts>) -> Self {
        self.trace = trace.map(Box::new);
        self
    }

    /// An attempt begins.
    pub(in crate::proxy) fn begin(&mut self, request: &mut Request<Body>, endpoint: &Endpoint) {
        if let Some(trace) = &mut self.trace {
            let to = Peer {
                scheme: endpoint.scheme(),
                authority: endpoint.authority(),
                address: endpoint.address(),
            };
            trace.begin(request, to);
        }
    }

    /// It ended.
    pub(in crate::proxy) fn end(&mut self, result: &Result<Response<Body>, SendError>) {
        if let Some(trace) = &mut self.trace {
            let cause = |error| Cause::Gateway(classify(error)).code();
            trace.end(result.as_ref().map(Response::status).map_err(cause));
        }
    }

    /// There is a connection.
    pub(super) fn reached(&mut self, ends: &Ends) {
        self.reached = Some((ends.clone(), self.asked.elapsed()));
    }

    /// The report as plugins get it.
    pub(in crate::proxy) fn into_info(self) -> UpstreamInfo {
        let mut info = UpstreamInfo::new()
            .endpoints(self.endpoints)
            .attempts(self.attempts);
        if let Some((ends, after)) = self.reached {
            info = info.ready_after(after);
            if let Some(Addresses { remote, local }) = ends.addresses {
                info = info.address(remote).local_address(local);
            }
            if let Some(tls) = ends.tls {
                info = info.with_tls(tls);
            }
        }
        info
    }
}
