//! Between finished spans and the collector: a bounded queue, and the count of what is lost.
//!
//! The SDK's batch processor drops what does not fit into its queue, and keeps the count to itself. Here nothing is given to
//! it for which it has no room, so that all that is lost is lost in this file.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

use crate::limits;

/// What is known of the way to the collector.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Spans in the queue.
    waiting: AtomicUsize,
    dropped: AtomicU64,
    /// Whether the last batch was lost: a collector that is gone is told of once.
    failing: AtomicBool,
}

impl Room {
    /// Spans that were lost.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn lost(&self, spans: usize, error: &dyn std::fmt::Display) {
        self.dropped.fetch_add(spans as u64, Ordering::Relaxed);
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %error,
                "the trace collector takes no spans: they are dropped until it does"
            );
        }
    }

    fn sent(&self) {
        if self.failing.swap(false, Ordering::Relaxed) {
            let dropped = self.dropped();
            tracing::info!(dropped, "the trace collector takes spans again");
        }
    }
}

/// The batch processor behind its bound. It has a thread of its own, and never makes a request wait.
#[derive(Debug)]
pub(super) struct Bounded {
    inner: BatchSpanProcessor,
    room: Arc<Room>,
}

impl Bounded {
    pub(super) fn new<E: SpanExporter + 'static>(exporter: E, room: &Arc<Room>) -> Self {
        let exporter = Counting {
            inner: exporter,
            room: Arc::clone(room),
        };
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(limits::TRACE_SPANS)
            .with_max_export_batch_size(limits::TRACE_BATCH)
            .with_scheduled_delay(limits::TRACE_DELAY)
            .build();
        Self {
            inner: BatchSpanProcessor::builder(exporter)
                .with_batch_config(config)
                .build(),
            room: Arc::clone(room),
        }
    }
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.room.waiting.fetch_add(1, Ordering::Relaxed) < limits::TRACE_SPANS {
            self.inner.on_end(span);
        } else {
            self.room.waiting.fetch_sub(1, Ordering::Relaxed);
            self.room.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// The exporter, and what became of what it was given.
#[derive(Debug)]
struct Counting<E> {
    inner: E,
    room: Arc<Room>,
}

impl<E: SpanExporter> SpanExporter for Counting<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.room.waiting.fetch_sub(spans, Ordering::Relaxed);
        let result = self.inner.export(batch).await;
        match &result {
            Ok(()) => self.room.sent(),
            Err(error) => self.room.lost(spans, error),
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::error::OTelSdkError;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use parking_lot::Mutex;

    use super::*;

    /// Sends nothing until it is let, and fails as long as it is told to.
    #[derive(Debug, Default)]
    struct Collector {
        gate: Mutex<()>,
        dead: AtomicBool,
        got: AtomicUsize,
    }

    #[derive(Debug)]
    struct Exporter(Arc<Collector>);

    impl SpanExporter for Exporter {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            drop(self.0.gate.lock());
            if self.0.dead.load(Ordering::Relaxed) {
                return Err(OTelSdkError::InternalFailure("dead".to_owned()));
            }
            self.0.got.fetch_add(batch.len(), Ordering::Relaxed);
            Ok(())
        }
    }

    #[test]
    fn what_a_collector_does_not_take_is_counted_and_nobody_waits_for_it() {
        let (room, collector) = (Arc::new(Room::default()), Arc::<Collector>::default());
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Bounded::new(Exporter(Arc::clone(&collector)), &room))
            .build();
        let tracer = provider.tracer("test");
        let spans = |count: usize| (0..count).for_each(|_| drop(tracer.start("a")));

        collector.dead.store(true, Ordering::Relaxed);
        spans(5);
        assert!(provider.force_flush().is_err());
        assert_eq!(room.dropped(), 5);
        assert!(room.failing.load(Ordering::Relaxed), "told of");

        collector.dead.store(false, Ordering::Relaxed);
        spans(3);
        provider.force_flush().expect("taken");
        assert_eq!(collector.got.load(Ordering::Relaxed), 3);
        assert!(!room.failing.load(Ordering::Relaxed), "told of");

        // One that takes for ever: the queue fills up, and what is over is gone at once.
        let silence = collector.gate.lock();
        spans(2 * limits::TRACE_SPANS);
        let lost = usize::try_from(room.dropped()).expect("small") - 5;
        assert!(lost > 0 && lost <= limits::TRACE_SPANS, "{lost}");
        drop(silence);
        provider.shutdown().expect("taken");
        let got = collector.got.load(Ordering::Relaxed) - 3;
        assert_eq!(
            got + lost,
            2 * limits::TRACE_SPANS,
            "each is sent or counted"
        );
    }
}
