//! What the log says about one request.

use std::time::Instant;

use http::{Method, Request, StatusCode, Uri};
use loom_layer::ConnectionInfo;
use tower_http::request_id::RequestId;
use tracing::field::{Empty, display};
use tracing::{Level, Span};

use crate::errors::Chain;
use crate::router::host;

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
}

impl Entry {
    /// `None` when nobody listens.
    pub(super) fn new<B>(request: &Request<B>) -> Option<Self> {
        if !is_enabled() {
            return None;
        }
        let id = request
            .extensions()
            .get::<RequestId>()
            .and_then(|id| id.header_value().to_str().ok());
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
        })
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
        // What has no body by its nature is complete without one (RFC 9110, 6.4.1).
        self.complete |=
            self.method == Method::HEAD || matches!(status.as_u16(), 100..=199 | 204 | 304);
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
        tracing::debug!(
            target: TARGET,
            parent: &self.span,
            method = %self.method,
            path = self.uri.path(),
            status = self.status.map(|status| status.as_u16()),
            bytes = self.bytes,
            microseconds = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
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
