//! The span of a request, from its head to the end of its response.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use http::header::USER_AGENT;
use http::{Method, Request, Response, StatusCode, Version};
use loom_config::model::PathMatch;
use loom_layer::{ConnectionInfo, RouteInfo};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer,
};
use opentelemetry::{Context, KeyValue, StringValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};

use super::collector::Tracing;
use super::headers;
use crate::errors::Cause;
use crate::router::{authority, client_address};

/// A request that is recorded: what the spans below its own need.
#[derive(Debug, Clone)]
pub(crate) struct Trace(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tracer: SdkTracer,
    /// The request's span, as the parent of others.
    parent: Context,
    /// The route's id, and the path that it was found by.
    route: OnceLock<(String, String)>,
}

impl Trace {
    /// The trace of a request, if it is recorded.
    pub(crate) fn of<B>(request: &Request<B>) -> Option<&Self> {
        request.extensions().get()
    }

    /// Says which route took the request.
    pub(crate) fn name_route(&self, id: &str, path: &PathMatch) {
        let _ = self.0.route.set((id.to_owned(), path.to_string()));
    }

    /// A span below that of the request.
    pub(super) fn span(&self, builder: SpanBuilder) -> Span {
        self.0.tracer.build_with_context(builder, &self.0.parent)
    }
}

impl Trace {
    /// A span below another one of this trace.
    pub(super) fn below(&self, parent: &SpanContext, builder: SpanBuilder) -> Span {
        let parent = parent_context(parent);
        self.0.tracer.build_with_context(builder, &parent)
    }
}

/// The span of a request. Dropped, it ends.
#[derive(Debug)]
pub(super) struct RequestSpan {
    span: Span,
    trace: Trace,
    method: &'static str,
    /// The route that was taken in the end, where a plugin had another one chosen.
    rerouted: Option<String>,
}

impl RequestSpan {
    /// Begins the span of a request, and lets what comes of the request belong to it. `None`: it is not recorded.
    pub(super) fn begin<B>(tracing: &Tracing, request: &mut Request<B>) -> Option<Self> {
        let parent = headers::take(request.headers_mut());
        let parent = parent.map(|parent| Context::new().with_remote_span_context(parent));
        let method = known(request.method());
        let builder = SpanBuilder::from_name(method).with_kind(SpanKind::Server);
        let tracer = tracing.tracer();
        let mut span = tracer.build_with_context(builder, &parent.unwrap_or_default());
        // A request that is not recorded says so to whoever comes next.
        headers::put(request.headers_mut(), span.span_context());
        if !span.is_recording() {
            return None;
        }
        describe(request, method, &mut span);
        let trace = Trace(Arc::new(Inner {
            tracer: tracer.clone(),
            parent: parent_context(span.span_context()),
            route: OnceLock::new(),
        }));
        request.extensions_mut().insert(trace.clone());
        Some(Self {
            span,
            trace,
            method,
            rerouted: None,
        })
    }

    /// The response's head is there.
    pub(super) fn answered<B>(&mut self, response: &Response<B>) {
        let status = response.status();
        let cause = Cause::of(response).map(Cause::code);
        let code = KeyValue::new("http.response.status_code", i64::from(status.as_u16()));
        self.span.set_attribute(code);
        if status.is_server_error() {
            fail(&mut self.span, status, cause);
        } else if let Some(cause) = cause {
            self.span.set_attribute(KeyValue::new("error.type", cause));
        }
        let route = response.extensions().get::<RouteInfo>();
        self.rerouted = route.map(|route| route.route_name().to_owned());
    }

    /// The response's body broke off.
    pub(super) fn broken(&mut self) {
        self.span
            .set_attribute(KeyValue::new("error.type", "response_body"));
        self.span
            .set_status(Status::error("the response broke off"));
    }

    /// The client is gone before the response came to its end.
    pub(super) fn abandoned(&mut self) {
        self.span
            .set_attribute(KeyValue::new("error.type", "client_gone"));
    }
}

impl Drop for RequestSpan {
    fn drop(&mut self) {
        if let Some((id, path)) = self.trace.0.route.get() {
            self.span.update_name(format!("{} {path}", self.method));
            self.span
                .set_attribute(KeyValue::new("http.route", path.clone()));
            let id = self.rerouted.take().unwrap_or_else(|| id.clone());
            self.span.set_attribute(KeyValue::new("loom.route", id));
        }
        self.span.end();
    }
}

fn parent_context(span: &SpanContext) -> Context {
    Context::new().with_remote_span_context(span.clone())
}

/// Marks the span of an exchange that failed on the server's side.
pub(super) fn fail(span: &mut Span, status: StatusCode, cause: Option<&'static str>) {
    let kind = cause.map_or_else(|| status.as_u16().to_string().into(), StringValue::from);
    span.set_attribute(KeyValue::new("error.type", kind));
    span.set_status(Status::error(""));
}

/// The method, as far as it is one that everybody knows: a span's name may not be a client's invention.
pub(super) fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = [
        "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE",
    ];
    let mut known = KNOWN.into_iter();
    known.find(|known| method == known).unwrap_or("_OTHER")
}

/// What the semantic conventions want to know of a request. The query is left out, since people put secrets there.
fn describe<B>(request: &Request<B>, method: &'static str, span: &mut Span) {
    span.set_attribute(KeyValue::new("http.request.method", method));
    if method == "_OTHER" {
        let original = request.method().as_str().to_owned();
        span.set_attribute(KeyValue::new("http.request.method_original", original));
    }
    span.set_attribute(KeyValue::new("url.path", request.uri().path().to_owned()));
    let version = version(request.version());
    span.set_attribute(KeyValue::new("network.protocol.version", version));
    let connection = request.extensions().get::<ConnectionInfo>();
    let scheme = connection.map_or("http", ConnectionInfo::scheme);
    span.set_attribute(KeyValue::new("url.scheme", scheme));
    if let Some(client) = client_address(request.extensions()) {
        span.set_attribute(KeyValue::new("client.address", client.to_string()));
    }
    if let Some(connection) = connection {
        peer(connection.peer(), span);
    }
    let authority = authority(request.uri(), request.headers());
    if let Some(authority) = authority.and_then(|text| text.parse().ok()) {
        server(&authority, span);
    }
    let agent = request.headers().get(USER_AGENT);
    if let Some(agent) = agent.and_then(|agent| agent.to_str().ok()) {
        span.set_attribute(KeyValue::new("user_agent.original", agent.to_owned()));
    }
}

/// Who is at the other end of the connection.
pub(super) fn peer(peer: SocketAddr, span: &mut Span) {
    let port = i64::from(peer.port());
    span.set_attribute(KeyValue::new("network.peer.address", peer.ip().to_string()));
    span.set_attribute(KeyValue::new("network.peer.port", port));
}

/// Who was asked.
pub(super) fn server(authority: &http::uri::Authority, span: &mut Span) {
    let host = authority.host().to_owned();
    span.set_attribute(KeyValue::new("server.address", host));
    if let Some(port) = authority.port_u16() {
        span.set_attribute(KeyValue::new("server.port", i64::from(port)));
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
