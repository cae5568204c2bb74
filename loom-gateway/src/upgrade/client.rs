//! The client's end.

use std::time::Duration;

use axum::body::Body;
use futures_util::{FutureExt, StreamExt, TryFutureExt};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, WriteHalf};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::protocol::{self, Asked};
use super::{Reader, pieces};
use crate::errors::{Chain, Failure};
use crate::limits;
use crate::listener::Drain;

/// A client that has asked for an upgrade, until it is answered.
#[derive(Debug)]
pub(crate) struct Client {
    switch: OnUpgrade,
    /// To the request's body.
    reader: oneshot::Sender<Reader>,
    /// It asked with the extended `CONNECT` of HTTP/2.
    connect: bool,
}

/// How long the client may leave what is sent to it, set by the route's `idle_timeout` at a 101.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteLimit(pub(crate) Duration);

/// A connection that is to be switched, and what will be sent to its client.
#[derive(Debug)]
pub(crate) struct Tunnel {
    client: Client,
    body: Body,
    limit: Option<Duration>,
}

impl Client {
    /// Makes of a request that asks for an upgrade the one that routes know. `None` when it asks for none.
    pub(crate) fn of(request: &mut Request<Body>) -> Option<Self> {
        request.extensions().get::<OnUpgrade>()?;
        let connect = protocol::from_extended_connect(request);
        if !connect && !protocol::is_asked(request) {
            return None;
        }
        let switch = request.extensions_mut().remove::<OnUpgrade>()?;
        request.extensions_mut().insert(Asked);
        let (reader, switched) = oneshot::channel();
        let from_client = switched.map_ok(pieces).into_stream();
        // When the connection is not switched there is nothing to read.
        let from_client = from_client.filter_map(|reader| async { reader.ok() });
        *request.body_mut() = Body::from_stream(from_client.flatten());
        Some(Self {
            switch,
            reader,
            connect,
        })
    }

    /// The response as the client gets it, and the tunnel that it begins.
    pub(crate) fn answer(self, mut response: Response<Body>) -> (Response<Body>, Option<Tunnel>) {
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            if self.connect && response.status().is_success() {
                // To an extended `CONNECT` this would say that the connection is switched.
                response = Failure::NotUpgraded.respond("extended CONNECT", None);
            }
            return (response, None);
        }
        if self.connect {
            protocol::to_extended_connect(&mut response);
        }
        let limit = response.extensions_mut().remove::<WriteLimit>();
        let (head, body) = response.into_parts();
        let tunnel = Tunnel {
            client: self,
            body,
            limit: limit.map(|WriteLimit(limit)| limit),
        };
        (Response::from_parts(head, Body::empty()), Some(tunnel))
    }
}

impl Tunnel {
    /// Carries both directions until the upstream has sent all, one of the two is gone, or the time for that at a shutdown is over.
    pub(crate) async fn run(self, drain: Drain) {
        let Client { switch, reader, .. } = self.client;
        let upgraded = match switch.await {
            Ok(upgraded) => upgraded,
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "the client's connection was not switched");
                return;
            }
        };
        let (read, mut write) = tokio::io::split(TokioIo::new(upgraded));
        // Whoever reads it may be gone; then the upstream is, too.
        let _ = reader.send(read);
        let over = drain.started().then(|()| sleep(limits::UPGRADE_DRAIN));
        tokio::select! {
            () = send(self.body, &mut write, self.limit) => {}
            () = over => {}
        }
        // What was sent before it arrives before it.
        let _ = timeout(limits::UPGRADE_DRAIN, write.shutdown()).await;
    }
}

/// Sends all of the body. Why that ends early is told by the body itself, to those that it passes.
async fn send(mut body: Body, write: &mut WriteHalf<TokioIo<Upgraded>>, limit: Option<Duration>) {
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        let written = write.write_all(&piece);
        let written = match limit {
            None => written.await.is_ok(),
            Some(limit) => matches!(timeout(limit, written).await, Ok(Ok(()))),
        };
        if !written || write.flush().await.is_err() {
            return;
        }
    }
}
