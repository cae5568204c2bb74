//! What a listener does with connections and requests. A reload puts another one in its place while they run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::routing::future::RouteFuture;
use http::Request;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto::Builder;
use loom_config::model::ListenerLimits;
use tokio::sync::Notify;
use tower::Service;

use super::connection::protocol;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Site {
    /// Looked up by each request, so that the next one on an old connection meets the new stack.
    router: ArcSwap<Router>,
    /// Looked up by each connection. Apart from the router, which a connection would otherwise keep for as long as it lives.
    terms: ArcSwap<Terms>,
    changed: Notify,
    open: AtomicUsize,
}

/// What holds for connections.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) protocol: Builder<TokioExecutor>,
    pub(super) limits: ListenerLimits,
}

impl Terms {
    fn new(limits: ListenerLimits) -> Self {
        Self {
            protocol: protocol(limits),
            limits,
        }
    }

    /// How long a connection may be silent before its first request.
    pub(super) fn header_timeout(&self) -> Duration {
        self.limits.header_timeout
    }
}

impl Site {
    pub(crate) fn new(router: Router, limits: ListenerLimits) -> Arc<Self> {
        Arc::new(Self {
            router: ArcSwap::from_pointee(router),
            terms: ArcSwap::from_pointee(Terms::new(limits)),
            changed: Notify::new(),
            open: AtomicUsize::new(0),
        })
    }

    /// From now on, requests go here, and these limits hold for new connections. What runs ends as it began.
    pub(crate) fn replace(&self, router: Router, limits: ListenerLimits) {
        self.router.store(Arc::new(router));
        if self.terms.load().limits != limits {
            self.terms.store(Arc::new(Terms::new(limits)));
            self.changed.notify_one();
        }
    }

    /// Open connections.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(super) fn call(&self, request: Request<Body>) -> RouteFuture<std::convert::Infallible> {
        let router = self.router.load();
        Router::clone(&router).call(request)
    }

    pub(super) fn terms(&self) -> Arc<Terms> {
        self.terms.load_full()
    }

    /// Whether one more connection may be open.
    pub(super) fn has_room(&self, open: usize) -> bool {
        open < self.terms.load().limits.connections
    }

    /// Ends when the limits have changed. For one waiter.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn set_open(&self, open: usize) {
        self.open.store(open, Ordering::Relaxed);
    }
}
