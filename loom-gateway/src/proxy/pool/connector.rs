//! New connections.

use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::{BoxError, ServiceExt};

use crate::limits;

/// Opens TCP connections, within a time that covers the look-up of the name too.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    tcp: HttpConnector,
    timeout: Duration,
}

/// No connection within the time.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
pub(in crate::proxy) struct ConnectTimeout(Duration);

impl Connector {
    pub(super) fn new(timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        // Without it a small body waits for the acknowledgement of the headers.
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(limits::UPSTREAM_KEEPALIVE));
        tcp.set_keepalive_interval(Some(limits::UPSTREAM_KEEPALIVE));
        Self { tcp, timeout }
    }

    pub(super) async fn connect(&self, to: Uri) -> Result<TokioIo<TcpStream>, BoxError> {
        match timeout(self.timeout, self.tcp.clone().oneshot(to)).await {
            Ok(connected) => connected.map_err(Into::into),
            Err(_) => Err(ConnectTimeout(self.timeout).into()),
        }
    }
}
