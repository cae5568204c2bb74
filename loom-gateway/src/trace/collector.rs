//! The way to the collector, from its configuration to its end.

use std::sync::Arc;

use loom_config::model;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tower::BoxError;

use super::room::{Bounded, Room};
use crate::limits;

/// Makes spans, and sends them to a collector. Dropped, it sends what it still has.
#[derive(Debug)]
pub(crate) struct Tracing {
    config: model::Tracing,
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    room: Arc<Room>,
}

impl Tracing {
    /// Nothing is sent yet, so that a collector that is not there is no error.
    pub(crate) async fn start(config: &model::Tracing) -> Result<Self, BoxError> {
        let endpoint = config.otlp_endpoint.clone();
        // The client for threads that may wait is not to be made on one that may not.
        let exporter = tokio::task::spawn_blocking(move || exporter(endpoint)).await??;
        let room = Arc::default();
        let sampler = Sampler::TraceIdRatioBased(config.sample);
        let resource = Resource::builder()
            .with_service_name(config.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_sampler(Sampler::ParentBased(Box::new(sampler)))
            .with_span_processor(Bounded::new(exporter, &room))
            .build();
        Ok(Self {
            config: config.clone(),
            tracer: provider.tracer("loom"),
            provider,
            room,
        })
    }

    /// What it was made of.
    pub(crate) fn config(&self) -> &model::Tracing {
        &self.config
    }

    /// Spans that were lost.
    pub(crate) fn dropped(&self) -> u64 {
        self.room.dropped()
    }

    /// Sends what it has, and ends. This blocks, for a bounded time.
    pub(crate) fn finish(&self) {
        end(&self.provider);
    }

    pub(super) fn tracer(&self) -> &SdkTracer {
        &self.tracer
    }
}

impl Drop for Tracing {
    fn drop(&mut self) {
        let provider = self.provider.clone();
        // Whoever comes last may be a thread that serves requests.
        std::thread::spawn(move || end(&provider));
    }
}

/// The second time nothing is left to do.
fn end(provider: &SdkTracerProvider) {
    if let Err(error) = provider.shutdown_with_timeout(limits::TRACE_FLUSH) {
        tracing::debug!(%error, "the last spans may be lost");
    }
}

fn exporter(endpoint: String) -> Result<SpanExporter, BoxError> {
    let client = reqwest::blocking::Client::builder()
        .timeout(limits::TRACE_EXPORT)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .with_timeout(limits::TRACE_EXPORT)
        .build()?;
    Ok(exporter)
}
