//! An upstream as plugins call it.

use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{Request, Response, Version};
use loom_config::model::Protocol;
use loom_layer::CalloutBody;
use tower::{BoxError, Service};

use super::attempt::attempt;
use super::upstream::{Target, Upstream};
use super::{echo, rewrite};

/// Sends the calls of plugins to an upstream. What goes wrong is an error: it is up to the layer what the plugin is told, and
/// not up to the gateway's table for clients.
///
/// A request of HTTP/2, which gRPC is, goes out as such, whatever the upstream's `protocol` is.
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
    let protocol = if request.version() == Version::HTTP_2 {
        Protocol::Http2
    } else {
        servers.settings().protocol
    };
    let permit = servers.enter().await?;
    let lease = servers.lease(&request, None, permit)?;
    let mut response = attempt(servers, lease, &mut request, protocol, None).await?;
    rewrite::response(&mut response);
    Ok(response)
}
