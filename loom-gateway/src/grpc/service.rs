//! The layer and its service.

use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response};
use loom_layer::grpc;
use tower::{Layer, Service};

use super::deadline;
use super::future::{Call, GrpcFuture};
use crate::metrics::Connections;

/// Puts [`Grpc`] around a service.
#[derive(Debug, Clone)]
pub(crate) struct GrpcLayer(Option<Arc<Connections>>);

impl GrpcLayer {
    /// With these counters of calls that are cut.
    pub(crate) fn new(counters: Option<Arc<Connections>>) -> Self {
        Self(counters)
    }
}

impl<S> Layer<S> for GrpcLayer {
    type Service = Grpc<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Grpc {
            inner,
            counters: self.0.clone(),
        }
    }
}

/// Ends calls of gRPC at their deadline, and answers them in gRPC's words where the inner service answers with a failure
/// of the gateway. Other requests pass.
#[derive(Debug, Clone)]
pub(crate) struct Grpc<S> {
    inner: S,
    counters: Option<Arc<Connections>>,
}

impl<S> Service<Request<Body>> for Grpc<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = GrpcFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if !grpc::is_grpc(request.headers()) {
            return GrpcFuture::Other {
                inner: self.inner.call(request),
            };
        }
        // From the head on, and not from the end of the request as a route's time: it is the time of the whole call.
        let timeout = deadline::timeout(request.headers());
        let deadline = timeout.map(|timeout| Box::pin(tokio::time::sleep(timeout)));
        let uri = request.uri().clone();
        let counters = self.counters.clone();
        GrpcFuture::Call {
            call: Box::pin(Call::new(self.inner.call(request), uri, deadline, counters)),
        }
    }
}
