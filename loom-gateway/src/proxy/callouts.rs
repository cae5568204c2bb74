//! An upstream as plugins call it.

use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{Request, Response, Version};
use loom_layer::CalloutBody;
use tower::{BoxError, Service};

use super::pool::{SendError, send, send_http2};
use super::upstream::{Target, Upstream};
use super::{echo, rewrite};

/// Sends the calls of plugins to an upstream. What goes wrong is an error: it is up to the layer what the plugin is told, and
/// not up to the gateway's table for clients.
///
/// A request of HTTP/2, which gRPC is, goes out as such, whatever the upstream's ordinary requests are.
#[derive(Debug, Clone)]
pub(crate) struct CalloutService {
    upstream: Arc<Upstream>,
}

impl CalloutService {
    /// The service that sends calls to `upstream`.
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        Self { upstream }
    }
}

/// Every endpoint of the upstream was left out.
#[derive(Debug, thiserror::Error)]
#[error("the upstream has no usable endpoint")]
struct NoEndpoint;

impl Service<Request<CalloutBody>> for CalloutService {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<CalloutBody>) -> Self::Future {
        let upstream = Arc::clone(&self.upstream);
        Box::pin(async move { answer(&upstream, request.map(Body::new)).await })
    }
}

async fn answer(
    upstream: &Upstream,
    mut request: Request<Body>,
) -> Result<Response<Body>, BoxError> {
    let Target::Servers(servers) = &upstream.target else {
        rewrite::headers(&mut request, None);
        return Ok(echo::answer(request).await);
    };
    let lease = servers.pick(&request).ok_or(NoEndpoint)?;
    let sent = if request.version() == Version::HTTP_2 {
        rewrite::http2_request(&mut request, lease.authority());
        send_http2(lease, request).await
    } else {
        rewrite::request(&mut request, lease.authority());
        send(lease, request, None).await
    };
    let mut response = sent.map_err(|error: SendError| Box::new(error))?;
    rewrite::response(&mut response);
    Ok(response)
}
