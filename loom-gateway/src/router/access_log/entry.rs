//! What the log says about one request.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use http::{Method, Request, Response, StatusCode, Uri};
use loom_layer::ConnectionInfo;
use tracing::field::{Empty, display};
use tracing::{Level, Span};

use super::record::Record;
use super::sink::Sink;
use crate::errors::Chain;
use crate::router::{X_REQUEST_ID, host};

const TARGET: &str = "loom::access";

/// One line to be. It is written when it is dropped, at whatever point that is.
pub(crate) struct Entry {
    span: Span,
    method: Method,
    uri: Uri,
    started: Instant,
    status: Option<StatusCode>,
    bytes: usize,
    complete: bool,
    error: Option<String>,
    /// What a line tells beyond that, when lines are configured.
    record: Option<Record>,
}

impl Entry {
    /// `None` when nobody listens.
    pub(super) fn new<B>(request: &Request<B>, sink: Option<&Arc<Sink>>) -> Option<Self> {
        if sink.is_none() && !is_enabled() {
            return None;
        }
        let id = request.headers().get(X_REQUEST_ID);
        let id = id.and_then(|id| id.to_str().ok());
        let peer = request
            .extensions()
            .get::<ConnectionInfo>()
            .map(|connection| display(connection.peer()));
        let host = host::authority(request.uri(), request.headers());
        Some(Self {
            span: tracing::debug_span!(target: TARGET, "request", id, peer, host, route = Empty),
            method: request.method().clone(),
            uri: request.uri().clone(),
            started: Instant::now(),
            status: None,
            bytes: 0,
            complete: false,
            error: None,
            record: sink.map(|sink| Record::new(sink, request)),
        })
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(super) fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// What was sent of the response's body.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Counts the request's body, if somebody wants to know.
    pub(super) fn count(&self, request: Request<Body>) -> Request<Body> {
        match &self.record {
            Some(record) => record.count(request),
            None => request,
        }
    }

    pub(super) fn answered<B>(&mut self, response: &Response<B>) {
        let status = response.status();
        self.status = Some(status);
        if let Some(record) = &mut self.record {
            record.answered(response);
        }
        // What has no body by its nature is complete without one (RFC 9110, 6.4.1).
        self.complete |= self.method == Method::HEAD || matches!(status.as_u16(), 204 | 304);
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    pub(super) fn complete(&mut self) {
        self.complete = true;
    }

    pub(super) fn failed(&mut self, error: &axum::Error) {
        self.error = Some(Chain(error).to_string());
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        if let Some(record) = &self.record {
            record.write(self, took);
        }
        tracing::debug!(
            target: TARGET,
            parent: &self.span,
            method = %self.method,
            path = self.uri.path(),
            status = self.status.map(|status| status.as_u16()),
            bytes = self.bytes,
            microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            complete = self.complete,
            error = self.error,
        );
    }
}

/// Puts the route into the span of the request that is being handled.
pub(crate) fn name_route(id: &str) {
    if is_enabled() {
        Span::current().record("route", id);
    }
}

fn is_enabled() -> bool {
    tracing::enabled!(target: TARGET, Level::DEBUG)
}
