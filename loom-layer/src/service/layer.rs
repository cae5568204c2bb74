//! The layer and its service.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::body::{RequestBody, ResponseBody};
use super::cell::StreamHandle;
use super::future::LoomFuture;
use crate::error::BoxError;
use crate::plugin::{LoomChain, LoomPlugin, Observe};
use crate::vm::Attached;

impl<S> Layer<S> for LoomPlugin {
    type Service = LoomService<S>;

    fn layer(&self, inner: S) -> LoomService<S> {
        LoomChain::from(self.clone()).layer(inner)
    }
}

impl<S> Layer<S> for LoomChain {
    type Service = LoomService<S>;

    fn layer(&self, inner: S) -> LoomService<S> {
        let takes_part = |plugin: &&Arc<Attached>| plugin.takes_part_in_streams();
        let all_do = self.plugins.iter().all(|plugin| takes_part(&plugin));
        LoomService {
            inner,
            plugins: if all_do {
                Arc::clone(&self.plugins)
            } else {
                self.plugins.iter().filter(takes_part).cloned().collect()
            },
            idle: (!all_do).then(|| Arc::clone(&self.plugins)),
            observe: self.observe.clone(),
        }
    }
}

/// A service behind plugins: what [`LoomPlugin`] and [`LoomChain`] make of an inner service.
///
/// It takes any body of [`Bytes`], gives the inner service a [`RequestBody`] and returns a [`ResponseBody`]. Its error is
/// the inner service's: plugins cause none. It is ready when the inner service is, and that very service gets the request.
#[derive(Clone)]
pub struct LoomService<S> {
    inner: S,
    /// Those that streams pass.
    plugins: Arc<[Arc<Attached>]>,
    /// The whole chain, if some of it only has to be kept alive.
    idle: Option<Arc<[Arc<Attached>]>>,
    observe: Option<Observe>,
}

impl<S, B, RB> Service<Request<B>> for LoomService<S>
where
    S: Service<Request<RequestBody<B>>, Response = Response<RB>> + Clone,
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
    RB: Body<Data = Bytes>,
    RB::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<RB>>;
    type Error = S::Error;
    type Future = LoomFuture<S, B, RB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that was found ready has to be the one that is called; the clone stays for the next request.
        let clone = self.inner.clone();
        let mut service = std::mem::replace(&mut self.inner, clone);
        if self.plugins.is_empty() {
            let future = service.call(request.map(RequestBody::untouched));
            return LoomFuture::passing(future);
        }
        let (mut parts, body) = request.into_parts();
        let observe = self.observe.as_ref();
        let observer = observe.and_then(|observe| observe(&parts.extensions));
        let ends = body.is_end_stream();
        let stream = StreamHandle::begin(&self.plugins, &mut parts, ends, observer);
        LoomFuture::new(stream, service, parts.extensions, body)
    }
}

impl<S: fmt::Debug> fmt::Debug for LoomService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self
            .idle
            .as_ref()
            .unwrap_or(&self.plugins)
            .iter()
            .map(|plugin| &*plugin.root.name)
            .collect();
        f.debug_struct("LoomService")
            .field("plugins", &names)
            .field("inner", &self.inner)
            .finish()
    }
}
