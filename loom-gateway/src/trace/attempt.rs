//! The spans of what is sent on: each attempt to reach an upstream is one.

use std::net::SocketAddr;

use http::uri::{Authority, Scheme};
use http::{Request, StatusCode};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status};
use opentelemetry_sdk::trace::Span;

use super::headers;
use super::request::{Trace, fail, known, peer, server};

/// The attempts of one request.
#[derive(Debug)]
pub(crate) struct Attempts {
    trace: Trace,
    upstream: String,
    sent: i64,
    running: Option<Span>,
}

/// The endpoint that an attempt goes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer<'a> {
    pub(crate) scheme: &'a Scheme,
    pub(crate) authority: &'a Authority,
    pub(crate) address: Option<SocketAddr>,
}

impl Attempts {
    pub(crate) fn new(trace: &Trace, upstream: &str) -> Self {
        Self {
            trace: trace.clone(),
            upstream: upstream.to_owned(),
            sent: 0,
            running: None,
        }
    }

    /// An attempt begins. It is the parent of what the endpoint makes of it.
    pub(crate) fn begin<B>(&mut self, request: &mut Request<B>, to: Peer<'_>) {
        let method = known(request.method());
        let builder = SpanBuilder::from_name(method).with_kind(SpanKind::Client);
        let mut span = self.trace.span(builder);
        headers::put(request.headers_mut(), span.span_context());
        span.set_attribute(KeyValue::new("http.request.method", method));
        let url = format!("{}://{}{}", to.scheme, to.authority, request.uri().path());
        span.set_attribute(KeyValue::new("url.full", url));
        server(to.authority, &mut span);
        if let Some(address) = to.address {
            peer(address, &mut span);
        }
        if self.sent > 0 {
            span.set_attribute(KeyValue::new("http.request.resend_count", self.sent));
        }
        let upstream = self.upstream.clone();
        span.set_attribute(KeyValue::new("loom.upstream", upstream));
        self.sent += 1;
        self.running = Some(span);
    }

    /// It ended with a response's head, or for the reason of this code.
    pub(crate) fn end(&mut self, result: Result<StatusCode, &'static str>) {
        let Some(mut span) = self.running.take() else {
            return;
        };
        match result {
            Ok(status) => {
                let code = i64::from(status.as_u16());
                span.set_attribute(KeyValue::new("http.response.status_code", code));
                if status.is_client_error() || status.is_server_error() {
                    fail(&mut span, status, None);
                }
            }
            Err(code) => {
                span.set_attribute(KeyValue::new("error.type", code));
                span.set_status(Status::error(""));
            }
        }
        span.end();
    }
}

impl Drop for Attempts {
    fn drop(&mut self) {
        self.end(Err("cancelled"));
    }
}
