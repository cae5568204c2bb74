//! The spans of plugins: each of their callbacks for a request is one, and each call that they make to an upstream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use http::{Extensions, HeaderMap};
use loom_layer::{CalloutAnswer, CalloutObserver, PhaseObserver, PhaseOutcome, StreamObserver};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status};
use opentelemetry_sdk::trace::Span;

use super::headers;
use super::request::{Trace, fail};
use crate::limits;

/// Who watches the plugins of a request: nobody, if it is not recorded.
pub(crate) fn observer(extensions: &Extensions) -> Option<Arc<dyn StreamObserver>> {
    let trace = extensions.get::<Trace>()?.clone();
    let entered = AtomicU32::new(0);
    Some(Arc::new(Plugins { trace, entered }))
}

/// The plugins of one request.
struct Plugins {
    trace: Trace,
    entered: AtomicU32,
}

impl StreamObserver for Plugins {
    fn enter(&self, plugin: &str, callback: &'static str) -> Option<Box<dyn PhaseObserver>> {
        // A long body comes in many pieces.
        if self.entered.fetch_add(1, Ordering::Relaxed) >= limits::TRACE_CALLBACKS {
            return None;
        }
        Some(Box::new(Phase {
            trace: self.trace.clone(),
            plugin: plugin.to_owned(),
            callback,
            began: SystemTime::now(),
            span: None,
        }))
    }
}

/// One callback. Its span is made when it is known that the plugin was called, with the time at which it was.
struct Phase {
    trace: Trace,
    plugin: String,
    callback: &'static str,
    began: SystemTime,
    span: Option<Span>,
}

impl Phase {
    fn span(&mut self) -> &mut Span {
        let Self {
            trace,
            plugin,
            callback,
            began,
            span,
        } = self;
        span.get_or_insert_with(|| {
            let short = callback.strip_prefix("proxy_").unwrap_or(callback);
            let builder = SpanBuilder::from_name(format!("{plugin} {short}"))
                .with_kind(SpanKind::Internal)
                .with_start_time(*began);
            let mut span = trace.span(builder);
            span.set_attribute(KeyValue::new("loom.plugin", plugin.clone()));
            span.set_attribute(KeyValue::new("loom.callback", *callback));
            span
        })
    }
}

impl PhaseObserver for Phase {
    fn callout(
        &mut self,
        upstream: &str,
        headers: &mut HeaderMap,
    ) -> Option<Box<dyn CalloutObserver>> {
        let parent = self.span().span_context().clone();
        let builder = SpanBuilder::from_name(format!("{} calls {upstream}", self.plugin))
            .with_kind(SpanKind::Client);
        let mut span = self.trace.below(&parent, builder);
        headers::put(headers, span.span_context());
        span.set_attribute(KeyValue::new("loom.plugin", self.plugin.clone()));
        span.set_attribute(KeyValue::new("loom.upstream", upstream.to_owned()));
        Some(Box::new(Callout {
            span,
            answered: false,
        }))
    }

    fn left(mut self: Box<Self>, outcome: PhaseOutcome) {
        let span = self.span();
        let outcome = match outcome {
            PhaseOutcome::Pause => "pause",
            PhaseOutcome::Failed => {
                span.set_attribute(KeyValue::new("error.type", "plugin_failed"));
                span.set_status(Status::error(""));
                "failed"
            }
            _ => "continue",
        };
        span.set_attribute(KeyValue::new("loom.outcome", outcome));
        span.end();
    }
}

/// A call to an upstream. Dropped, its span ends.
struct Callout {
    span: Span,
    answered: bool,
}

impl CalloutObserver for Callout {
    fn answered(&mut self, answer: CalloutAnswer) {
        self.answered = true;
        match answer {
            CalloutAnswer::Http(status) => {
                let code = i64::from(status.as_u16());
                self.span
                    .set_attribute(KeyValue::new("http.response.status_code", code));
                if status.is_client_error() || status.is_server_error() {
                    fail(&mut self.span, status, None);
                }
            }
            CalloutAnswer::Grpc(code) => {
                let code = i64::from(code);
                self.span
                    .set_attribute(KeyValue::new("rpc.grpc.status_code", code));
                if code != 0 {
                    self.span.set_status(Status::error(""));
                }
            }
            _ => {
                self.span
                    .set_attribute(KeyValue::new("error.type", "response_body"));
                self.span.set_status(Status::error(""));
            }
        }
    }
}

impl Drop for Callout {
    fn drop(&mut self) {
        if !self.answered {
            self.span
                .set_attribute(KeyValue::new("error.type", "cancelled"));
            self.span.set_status(Status::error(""));
        }
        self.span.end();
    }
}
