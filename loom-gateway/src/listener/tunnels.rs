//! Those of a connection's exchanges that have become tunnels.

use std::future::poll_fn;
use std::sync::Arc;

use axum::body::Body;
use http::Response;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::activity::Busy;
use super::drain::Drain;
use crate::upgrade::Client;

/// A connection's tunnels: one that it was switched to, or those in its HTTP/2 streams. Dropped, they end.
#[derive(Debug, Clone, Default)]
pub(super) struct Tunnels(Arc<Mutex<JoinSet<()>>>);

/// What becomes a tunnel if the answer says so.
#[derive(Debug)]
pub(super) struct Upgrade {
    pub(super) client: Client,
    pub(super) tunnels: Tunnels,
    pub(super) drain: Drain,
}

impl Upgrade {
    /// The response as the client gets it. When it switches the connection, the tunnel runs from now on, and it is what keeps
    /// the connection busy.
    pub(super) fn answer(
        self,
        response: Response<Body>,
        busy: &mut Option<Busy>,
    ) -> Response<Body> {
        let (response, tunnel) = self.client.answer(response);
        if let Some(tunnel) = tunnel {
            let (busy, tunnel) = (busy.take(), tunnel.run(self.drain));
            self.tunnels.0.lock().spawn(async move {
                tunnel.await;
                drop(busy);
            });
        }
        response
    }
}

impl Tunnels {
    /// Waits for the end of them all.
    pub(super) async fn ended(&self) {
        while poll_fn(|cx| self.0.lock().poll_join_next(cx))
            .await
            .is_some()
        {}
    }
}
