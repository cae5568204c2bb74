//! The hyper service of one connection: what hyper read becomes a request for the listener's router of this moment.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::routing::future::RouteFuture;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use loom_layer::ConnectionInfo;
use pin_project_lite::pin_project;

use super::drain::Drain;
use super::site::Site;
use super::tunnels::{Tunnels, Upgrade};
use crate::upgrade::{Client, is_switched};

/// What a connection has turned out to speak.
#[derive(Debug, Clone, Default)]
pub(super) struct Spoken(Arc<AtomicU8>);

impl Spoken {
    const HTTP1: u8 = 1;
    const HTTP2: u8 = 2;

    /// Whether a request has come.
    pub(super) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Whether an HTTP/2 request has come.
    pub(super) fn http2(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::HTTP2
    }

    fn set(&self, http1: bool) {
        self.0.store(
            if http1 { Self::HTTP1 } else { Self::HTTP2 },
            Ordering::Relaxed,
        );
    }
}

/// Answers the requests of one connection.
#[derive(Debug)]
pub(super) struct ConnectionService {
    pub(super) site: Arc<Site>,
    /// `None` at a Unix socket, which knows no addresses.
    pub(super) connection: Option<ConnectionInfo>,
    pub(super) spoken: Spoken,
    pub(super) tunnels: Tunnels,
    pub(super) drain: Drain,
}

impl hyper::service::Service<Request<Incoming>> for ConnectionService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ConnectionFuture;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let http1 = request.version() <= Version::HTTP_11;
        self.spoken.set(http1);
        // Most requests have no body, and a body that is empty needs no box.
        let mut request = request.map(|body| {
            if body.is_end_stream() {
                Body::empty()
            } else {
                Body::new(body)
            }
        });
        let upgrade = Client::of(&mut request).map(|client| {
            Box::new(Upgrade {
                client,
                tunnels: self.tunnels.clone(),
                drain: self.drain.clone(),
            })
        });
        if let Some(connection) = &self.connection {
            request.extensions_mut().insert(connection.clone());
        }
        ConnectionFuture {
            response: self.site.call(request),
            drain: http1.then(|| self.drain.clone()),
            upgrade,
        }
    }
}

pin_project! {
    /// The future of [`ConnectionService`].
    pub(super) struct ConnectionFuture {
        #[pin]
        response: RouteFuture<Infallible>,
        // Present with HTTP/1, where the last response says that it is the last.
        drain: Option<Drain>,
        upgrade: Option<Box<Upgrade>>,
    }
}

impl Future for ConnectionFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(mut response) = ready!(this.response.poll(cx));
        if let Some(upgrade) = this.upgrade.take() {
            response = upgrade.answer(response);
        }
        if this.drain.as_ref().is_some_and(Drain::is_started) && !is_switched(&response) {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Poll::Ready(Ok(response))
    }
}
