//! One HTTP/2 connection to a server, shared by all calls, and replaced when it has ended.

use std::error::Error;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::header::HOST;
use http::uri::Authority;
use http::{Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use tower_service::Service;

use super::CalloutBody;
use super::upstreams::at;
use crate::error::BoxError;

type Connection = SendRequest<CalloutBody>;
type Connecting = Shared<BoxFuture<'static, Result<Connection, ConnectError>>>;

/// Turns of the runtime until the end of a connection is known: in the first one hyper's own task of the connection sees it,
/// in the second one the task that takes requests.
const TURNS: usize = 2;

/// Why there is no connection, for all who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no HTTP/2 connection")]
struct ConnectError(#[source] Arc<dyn Error + Send + Sync>);

/// See the module's text.
pub(super) struct Http2 {
    connector: HttpConnector,
    server: Uri,
    /// The connection, or the way to one that all who wait for it go together.
    current: Mutex<Option<Connecting>>,
}

impl Http2 {
    pub(super) fn new(connector: HttpConnector, server: &Authority) -> Self {
        Self {
            connector,
            server: at(server, &Uri::from_static("/")),
            current: Mutex::new(None),
        }
    }

    /// Sends a request; its `host` header becomes `:authority`.
    ///
    /// The connection may end at the very moment. A request of which nothing went out is sent once more, on a new one.
    pub(super) async fn send(
        &self,
        mut request: Request<CalloutBody>,
    ) -> Result<Response<Incoming>, BoxError> {
        address(&mut request, &self.server);
        // What happened to a kept connection since its last use has to become known first.
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        let mut connection = self.connection().await?;
        if connection.ready().await.is_err() {
            connection = self.connection().await?;
        }
        let mut failed = match connection.try_send_request(request).await {
            Ok(response) => return Ok(response),
            Err(failed) => failed,
        };
        match failed.take_message() {
            Some(unsent) => Ok(self.connection().await?.send_request(unsent).await?),
            None => Err(failed.into_error().into()),
        }
    }

    fn connection(&self) -> Connecting {
        let mut current = self.current.lock();
        let usable = |connecting: &&Connecting| match connecting.peek() {
            Some(Ok(connection)) => !connection.is_closed(),
            Some(Err(_)) => false,
            None => true,
        };
        if let Some(connecting) = current.as_ref().filter(usable) {
            return connecting.clone();
        }
        // On a task of its own, so that it goes on when the call that began it is cancelled.
        let task = tokio::spawn(connect(self.connector.clone(), self.server.clone()));
        let connecting = task.map(|ended| match ended {
            Ok(connected) => connected.map_err(|error| ConnectError(error.into())),
            Err(error) => Err(ConnectError(Arc::new(error))),
        });
        current.insert(connecting.boxed().shared()).clone()
    }
}

async fn connect(mut connector: HttpConnector, server: Uri) -> Result<Connection, BoxError> {
    std::future::poll_fn(|cx| connector.poll_ready(cx)).await?;
    let stream = connector.call(server).await?;
    let (connection, driver) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .handshake(stream)
        .await?;
    tokio::spawn(async move {
        if let Err(error) = driver.await {
            tracing::debug!(target: "loom::callout", %error, "an HTTP/2 connection ended");
        }
    });
    Ok(connection)
}

/// Writes a request in the form that HTTP/2 sends.
fn address<B>(request: &mut Request<B>, server: &Uri) {
    let host = request.headers_mut().remove(HOST);
    let authority = host
        .and_then(|host| Authority::try_from(host.as_bytes()).ok())
        .or_else(|| server.authority().cloned());
    if let Some(authority) = authority {
        *request.uri_mut() = at(&authority, request.uri());
    }
    *request.version_mut() = Version::HTTP_2;
}
