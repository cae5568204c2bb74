//! One HTTP/2 connection to a server, shared by all calls, replaced when it has ended, and given up when nobody uses it.

use std::error::Error;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::header::HOST;
use http::uri::Authority;
use http::{Request, Response, Uri, Version};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::{Read, Write};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use tokio::time::Instant;
use tower_service::Service;

use super::CalloutBody;
use super::server::Server;
use crate::error::BoxError;

type Connecting = Shared<BoxFuture<'static, Result<Connection, ConnectError>>>;

/// The connection, or the way to one that all who wait for it go together.
type Current = Mutex<Option<Connecting>>;

/// Turns of the runtime until the end of a connection is known: in the first one hyper's own task of the connection sees it,
/// in the second one the task that takes requests.
const TURNS: usize = 2;

/// Why there is no connection, for all who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no HTTP/2 connection")]
struct ConnectError(#[source] Arc<dyn Error + Send + Sync>);

#[derive(Clone)]
struct Connection {
    requests: SendRequest<CalloutBody>,
    last_use: Arc<Mutex<Instant>>,
}

/// A call on a connection, until its response was read or dropped.
struct User(Arc<Mutex<Instant>>);

impl Drop for User {
    fn drop(&mut self) {
        *self.0.lock() = Instant::now();
    }
}

/// See the module's text.
pub(super) struct Http2<C> {
    connector: C,
    server: Server,
    idle: Duration,
    current: Arc<Current>,
}

impl<C, I> Http2<C>
where
    C: Service<Uri, Response = I, Error = BoxError> + Clone + Send + 'static,
    C::Future: Send,
    I: Read + Write + Send + Unpin + 'static,
{
    /// Connections that end when nobody has used them for this long.
    pub(super) fn new(connector: C, server: Server, idle: Duration) -> Self {
        Self {
            connector,
            server,
            idle,
            current: Arc::default(),
        }
    }

    /// Sends a request; its `host` header becomes `:authority`.
    ///
    /// The connection may end at the very moment. A request of which nothing went out is sent once more, on a new one.
    pub(super) async fn send(
        &self,
        mut request: Request<CalloutBody>,
    ) -> Result<Response<impl Body<Data = Bytes, Error = hyper::Error> + use<C, I>>, BoxError> {
        address(&mut request, &self.server);
        // What happened to a kept connection since its last use has to become known first.
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        let mut connection = self.connection().await?;
        if connection.requests.ready().await.is_err() {
            connection = self.connection().await?;
        }
        let mut failed = match connection.requests.try_send_request(request).await {
            Ok(response) => return Ok(with_user(response, connection)),
            Err(failed) => failed,
        };
        let Some(unsent) = failed.take_message() else {
            return Err(failed.into_error().into());
        };
        let mut connection = self.connection().await?;
        let response = connection.requests.send_request(unsent).await?;
        Ok(with_user(response, connection))
    }

    fn connection(&self) -> Connecting {
        let mut current = self.current.lock();
        let usable = |connecting: &&Connecting| match connecting.peek() {
            Some(Ok(connection)) => !connection.requests.is_closed(),
            Some(Err(_)) => false,
            None => true,
        };
        if let Some(connecting) = current.as_ref().filter(usable) {
            return connecting.clone();
        }
        let connecting = connect(
            self.connector.clone(),
            self.server.uri(None, &Uri::default()),
        );
        let (current_, idle) = (Arc::downgrade(&self.current), self.idle);
        // On a task of its own, so that it goes on when the call that began it is cancelled.
        let task = tokio::spawn(async move {
            let connection = connecting.await?;
            let last_use = Arc::downgrade(&connection.last_use);
            tokio::spawn(give_up(current_, last_use, idle));
            Ok(connection)
        });
        let connecting = task.map(|ended| match ended {
            Ok(connected) => connected.map_err(|error: BoxError| ConnectError(error.into())),
            Err(error) => Err(ConnectError(Arc::new(error))),
        });
        current.insert(connecting.boxed().shared()).clone()
    }
}

async fn connect<C, I>(mut connector: C, server: Uri) -> Result<Connection, BoxError>
where
    C: Service<Uri, Response = I, Error = BoxError>,
    I: Read + Write + Send + Unpin + 'static,
{
    std::future::poll_fn(|cx| connector.poll_ready(cx)).await?;
    let stream = connector.call(server).await?;
    let (requests, driver) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .handshake(stream)
        .await?;
    tokio::spawn(async move {
        if let Err(error) = driver.await {
            tracing::debug!(target: "loom::callout", %error, "an HTTP/2 connection ended");
        }
    });
    Ok(Connection {
        requests,
        last_use: Arc::new(Mutex::new(Instant::now())),
    })
}

/// Waits until nobody has used a connection for this long, and forgets it: with its last handle it ends.
async fn give_up(current: Weak<Current>, last_use: Weak<Mutex<Instant>>, idle: Duration) {
    let mut until = Instant::now() + idle;
    loop {
        tokio::time::sleep_until(until).await;
        let (Some(current), Some(last)) = (current.upgrade(), last_use.upgrade()) else {
            return;
        };
        let mut current = current.lock();
        // Besides the one here there is the one that is kept; each call has one more.
        let in_use = Arc::strong_count(&last) > 2;
        let unused_until = *last.lock() + idle;
        let now = Instant::now();
        if !in_use && unused_until <= now {
            let is_this = |connecting: &Connecting| {
                let connected = connecting
                    .peek()
                    .and_then(|connected| connected.as_ref().ok());
                connected.is_some_and(|connection| Arc::ptr_eq(&connection.last_use, &last))
            };
            current.take_if(|connecting| is_this(connecting));
            return;
        }
        until = if in_use { now + idle } else { unused_until };
    }
}

/// The response of a connection, which is in use as long as somebody has it.
fn with_user<B: Body>(
    response: Response<B>,
    connection: Connection,
) -> Response<impl Body<Data = B::Data, Error = B::Error> + use<B>> {
    let user = User(connection.last_use);
    response.map(|body| {
        body.map_frame(move |frame| {
            let _used = &user;
            frame
        })
    })
}

/// Writes a request in the form that HTTP/2 sends.
fn address<B>(request: &mut Request<B>, server: &Server) {
    let host = request.headers_mut().remove(HOST);
    let called = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    *request.uri_mut() = server.uri(called, request.uri());
    *request.version_mut() = Version::HTTP_2;
}

#[cfg(test)]
mod tests {
    use http_body_util::Empty;
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::super::server::{InTime, tcp};
    use super::*;

    /// Answers every request, the second one of a connection without an end; tells of connections that begin and end.
    async fn serve(listener: TcpListener, events: mpsc::UnboundedSender<&'static str>) {
        while let Ok((stream, _)) = listener.accept().await {
            events.send("begin").expect("the test listens");
            let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
            let mut open = None;
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                let is_second = open.is_some();
                let sent = respond.send_response(Response::new(()), !is_second);
                open = Some((sent.expect("it is sent"), respond));
            }
            events.send("end").expect("the test listens");
        }
    }

    #[tokio::test]
    async fn a_connection_ends_when_nobody_has_used_it_for_a_while() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (events, mut seen) = mpsc::unbounded_channel();
        tokio::spawn(serve(listener, events));
        let idle = Duration::from_millis(100);
        let server = Server::parse(&url).expect("a URL");
        let client = Http2::new(InTime(tcp()), server, idle);
        let call = async || {
            let body = Empty::new().map_err(|never| match never {});
            let answer = client.send(Request::new(body.boxed_unsync())).await;
            answer.expect("an answer").into_body()
        };
        drop(call().await);
        let open = call().await;
        assert_eq!(seen.recv().await, Some("begin"));
        // It is in use, for longer than it may be idle.
        let waited = tokio::time::timeout(idle * 4, seen.recv()).await;
        assert!(waited.is_err(), "{waited:?}");
        let begun = Instant::now();
        drop(open);
        assert_eq!(seen.recv().await, Some("end"));
        assert!(begun.elapsed() >= idle, "it was kept");
        drop(call().await);
        assert_eq!(seen.recv().await, Some("begin"), "a new one");
    }
}
