//! The layer and its service.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use ipnet::IpNet;
use loom_layer::ConnectionInfo;
use tower::{Layer, Service};

use super::chain;

/// Puts [`Forwarded`] around a service.
#[derive(Debug, Clone)]
pub(crate) struct ForwardedLayer {
    trusted: Arc<[IpNet]>,
}

impl ForwardedLayer {
    /// `None` when nobody is trusted: then the client is always the peer, as everybody takes it anyway.
    pub(crate) fn new(trusted: &[IpNet]) -> Option<Self> {
        let trusted = trusted.into();
        Some(Self { trusted }).filter(|layer| !layer.trusted.is_empty())
    }
}

impl<S> Layer<S> for ForwardedLayer {
    type Service = Forwarded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Forwarded {
            inner,
            trusted: Arc::clone(&self.trusted),
        }
    }
}

/// Says in a request who its client is.
#[derive(Debug, Clone)]
pub(crate) struct Forwarded<S> {
    inner: S,
    trusted: Arc<[IpNet]>,
}

impl<S, B> Service<Request<B>> for Forwarded<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(connection) = proxied(&request, &self.trusted) {
            request.extensions_mut().insert(connection);
        }
        self.inner.call(request)
    }
}

/// The connection as a trusted peer describes it; `None` for any other peer.
fn proxied<B>(request: &Request<B>, trusted: &[IpNet]) -> Option<ConnectionInfo> {
    let connection = request.extensions().get::<ConnectionInfo>()?;
    let peer = connection.peer().ip();
    if !chain::is_trusted(peer, trusted) {
        return None;
    }
    let headers = request.headers();
    let client = chain::client(peer, headers, trusted);
    let https = chain::https(headers);
    Some(connection.clone().on_behalf_of(client, https))
}
