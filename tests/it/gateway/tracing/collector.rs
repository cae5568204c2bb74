//! A collector of traces, for spans to be looked at.

use std::net::SocketAddr;

use http::Response;
use http_body_util::BodyExt;
use loom_gateway::Running;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::super::support::{Upstream, full, within};

/// A server that takes OTLP over HTTP.
pub(super) struct Collector {
    pub(super) address: SocketAddr,
    got: UnboundedReceiver<ExportTraceServiceRequest>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) resource: Vec<KeyValue>,
    pub(super) spans: Vec<Span>,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let (sender, got) = unbounded_channel();
        let address = Upstream::bind().await.serve(move |request| {
            let sender = sender.clone();
            async move {
                assert_eq!(request.uri(), "/v1/traces");
                assert_eq!(request.headers()["content-type"], "application/x-protobuf");
                let body = request.into_body().collect().await.expect("a body");
                let message = ExportTraceServiceRequest::decode(body.to_bytes());
                let _ = sender.send(message.expect("OTLP"));
                Response::new(full(""))
            }
        });
        Self { address, got }
    }

    /// The section of the configuration that sends spans here.
    pub(super) fn section(&self, more: &str) -> String {
        let address = self.address;
        format!("tracing: {{otlp_endpoint: 'http://{address}'{more}}}\n")
    }

    /// Ends the gateway, and gives all that it sent.
    pub(super) async fn after(mut self, gateway: Running) -> Seen {
        within(gateway.shutdown()).await;
        let mut seen = Seen::default();
        while let Ok(message) = self.got.try_recv() {
            for spans in message.resource_spans {
                seen.resource = spans.resource.expect("a resource").attributes;
                let scopes = spans.scope_spans.into_iter();
                seen.spans.extend(scopes.flat_map(|scope| scope.spans));
            }
        }
        seen
    }
}

impl Seen {
    /// The only span of this name.
    pub(super) fn only(&self, name: &str) -> &Span {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} in {:#?}", self.spans);
        all[0]
    }

    /// The spans of this name, as they began.
    pub(super) fn all(&self, name: &str) -> Vec<&Span> {
        let mut all: Vec<_> = self.spans.iter().filter(|span| span.name == name).collect();
        all.sort_by_key(|span| span.start_time_unix_nano);
        all
    }
}

/// An attribute as text; empty when there is none.
pub(super) fn attribute(attributes: &[KeyValue], key: &str) -> String {
    let mut found = attributes.iter().filter(|attribute| attribute.key == key);
    let (value, more) = (found.next(), found.next());
    assert!(more.is_none(), "{key} is there twice");
    let value = value.and_then(|attribute| attribute.value.as_ref());
    match value {
        Some(AnyValue {
            value: Some(Value::StringValue(text)),
        }) => text.clone(),
        Some(AnyValue {
            value: Some(Value::IntValue(number)),
        }) => number.to_string(),
        Some(other) => panic!("{other:?}"),
        None => String::new(),
    }
}

/// The header that names this span as the parent.
pub(super) fn traceparent(span: &Span) -> String {
    let hex = |id: &[u8]| {
        id.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id))
}
