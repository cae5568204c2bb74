//! One HTTP/2 connection to an endpoint, by ALPN or prior knowledge, shared by all requests and replaced when it has ended.
//! What the gateway asks on its own account has one of its own.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use axum::body::Body;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use tower::BoxError;

use super::connector::Connector;
use super::endpoint::Open;
use super::ends::Ends;
use super::exchange::SendError;
use super::report::Report;
use crate::errors::Chain;
use crate::limits;

/// A connection to a server.
#[derive(Debug, Clone)]
struct Connection {
    sender: SendRequest<Body>,
    ends: Ends,
}

type Connecting = Shared<BoxFuture<'static, Result<Connection, ConnectError>>>;

/// Turns of the runtime until the end of a connection is known: in the first one hyper's own task of the connection sees it,
/// in the second one the task that takes requests.
const TURNS: usize = 2;

/// Why there is no connection, for all who waited for it.
#[derive(Debug, Clone)]
struct ConnectError(Arc<dyn Error + Send + Sync>);

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no HTTP/2 connection")
    }
}

impl Error for ConnectError {
    /// What is in the `Arc`, and not the `Arc`, whose own source is the next one already.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Http2 {
    connector: Connector,
    /// The count of open connections.
    open: Arc<AtomicUsize>,
    /// The connection, or the way to one that all who wait for it go together.
    current: Mutex<Option<Connecting>>,
}

impl Http2 {
    pub(super) fn new(connector: Connector, open: Arc<AtomicUsize>) -> Self {
        Self {
            connector,
            open,
            current: Mutex::new(None),
        }
    }

    /// What opens its connections.
    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Sends a request. The connection may end at the very moment; a request of which nothing went out is sent once more,
    /// on a new one.
    pub(super) async fn send(
        &self,
        request: Request<Body>,
        report: Option<&mut Report>,
    ) -> Result<Response<Incoming>, SendError> {
        // What happened to a kept connection since its last use has to become known first.
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        let mut connection = self.connection().await?;
        if connection.sender.ready().await.is_err() {
            connection = self.connection().await?;
        }
        if let Some(report) = report {
            report.reached(&connection.ends);
        }
        let mut failed = match connection.sender.try_send_request(request).await {
            Ok(response) => return Ok(response),
            Err(failed) => failed,
        };
        let Some(unsent) = failed.take_message() else {
            return Err(SendError::Exchange(failed.into_error()));
        };
        let mut connection = self.connection().await?;
        let response = connection.sender.try_send_request(unsent).await;
        response.map_err(SendError::from)
    }

    /// Sends a request on a connection of its own, which ends with the response.
    pub(super) async fn send_alone(
        &self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, SendError> {
        let connection = connect(self.connector.clone(), Arc::clone(&self.open)).await;
        let mut sender = connection.map_err(SendError::Connect)?.sender;
        let response = sender.send_request(request).await;
        response.map_err(SendError::Exchange)
    }

    async fn connection(&self) -> Result<Connection, SendError> {
        let connected = self.connecting().await;
        connected.map_err(|error| SendError::Connect(error.into()))
    }

    fn connecting(&self) -> Connecting {
        let mut current = self.current.lock();
        let is_usable = |connecting: &&Connecting| match connecting.peek() {
            Some(Ok(connection)) => !connection.sender.is_closed(),
            Some(Err(_)) => false,
            None => true,
        };
        if let Some(connecting) = current.as_ref().filter(is_usable) {
            return connecting.clone();
        }
        // On a task of its own, so that it goes on when the request that began it is cancelled.
        let task = tokio::spawn(connect(self.connector.clone(), Arc::clone(&self.open)));
        let connecting = task.map(|ended| match ended {
            Ok(connected) => connected.map_err(|error| ConnectError(error.into())),
            Err(error) => Err(ConnectError(Arc::new(error))),
        });
        current.insert(connecting.boxed().shared()).clone()
    }
}

async fn connect(connector: Connector, open: Arc<AtomicUsize>) -> Result<Connection, BoxError> {
    let stream = connector.connect().await?;
    let ends = connector.ends(stream.inner());
    let (sender, driver) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_header_list_size(limits::UPSTREAM_HEADER_BYTES)
        .initial_stream_window_size(limits::UPSTREAM_STREAM_WINDOW)
        .initial_connection_window_size(limits::UPSTREAM_CONNECTION_WINDOW)
        .handshake(stream)
        .await?;
    let open = Open::count(&open);
    tokio::spawn(async move {
        let _open = open;
        if let Err(error) = driver.await {
            tracing::debug!(error = %Chain(&error), "HTTP/2 connection to the upstream ended");
        }
    });
    Ok(Connection { sender, ends })
}
