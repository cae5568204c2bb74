//! One request and its response, over a kept connection or a new one.

use std::mem::take;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use tower::BoxError;

use super::body::PooledBody;
use super::endpoint::Connection;
use super::lease::Lease;
use super::report::Report;
use crate::proxy::framing::{self, Misframed};
use crate::{limits, upgrade};

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(in crate::proxy) enum SendError {
    /// There is no connection.
    #[error("cannot connect")]
    Connect(#[source] BoxError),
    /// The connection ended before anything of the request went out.
    #[error("the connection ended before the request was sent")]
    Unsent(#[source] hyper::Error),
    /// The connection failed.
    #[error("the exchange failed")]
    Exchange(#[source] hyper::Error),
    /// Nobody can tell where the response ends. Its connection is closed.
    #[error("the response's length is in doubt")]
    Misframed(#[source] Misframed),
    /// The connection was switched to what nobody asked for.
    #[error("the connection was switched to a protocol that was not asked for")]
    Switch,
    /// It was to open a tunnel.
    #[error("the gateway opens no tunnels")]
    Tunnel,
    /// The head of the response did not come in time.
    #[error("no response within {0:?}")]
    Timeout(Duration),
    /// There is no endpoint that may be used.
    #[error("the upstream has no usable endpoint")]
    NoEndpoint,
    /// Too many requests are under way, and wait.
    #[error("the upstream's limits are reached")]
    Overloaded,
}

impl<B> From<TrySendError<B>> for SendError {
    fn from(mut failed: TrySendError<B>) -> Self {
        match failed.take_message() {
            Some(_) => Self::Unsent(failed.into_error()),
            None => Self::Exchange(failed.into_error()),
        }
    }
}

/// Sends a request to an endpoint over HTTP/1.1, and leaves nothing in its place.
///
/// A kept connection may have been closed by the server in the meantime. As long as nothing of the request went out it
/// is sent on another one. When something may have, it is sent once more only if that is safe (RFC 9110, 9.2.2): the
/// method is idempotent, there is no body, and no response has begun.
pub(in crate::proxy) async fn send(
    lease: Lease,
    request: &mut Request<Body>,
    mut report: Option<&mut Report>,
) -> Result<Response<Body>, SendError> {
    while let Some((mut connection, unused)) = lease.take() {
        let mut copy = None;
        if unused >= limits::POOL_TRUSTED {
            // Lets the runtime look at its sockets: a connection that the server has closed is known as such afterwards.
            tokio::task::yield_now().await;
            copy = repeatable(request);
        }
        if connection.sender.ready().await.is_err() {
            continue;
        }
        if let Some(report) = &mut report {
            report.reached(&connection.ends);
        }
        let sent = connection.sender.try_send_request(take(request));
        let mut failed = match sent.await {
            Ok(response) => return received(response, Some(connection), lease),
            Err(failed) => failed,
        };
        match (failed.take_message(), copy) {
            (Some(unsent), _) => *request = unsent,
            (None, Some(copy)) if is_end(failed.error()) => {
                *request = *copy;
                if let Some(report) = &mut report {
                    report.attempts += 1;
                }
                break;
            }
            (None, _) => return Err(SendError::Exchange(failed.into_error())),
        }
    }
    // In a place of its own: every request would carry the room for what few of them do.
    let mut connection = Box::pin(lease.connect()).await?;
    if let Some(report) = &mut report {
        report.reached(&connection.ends);
    }
    let sent = connection.sender.try_send_request(take(request));
    match sent.await {
        Ok(response) => received(response, Some(connection), lease),
        Err(failed) => Err(SendError::from(failed)),
    }
}

/// Sends a request to an endpoint over HTTP/2, whatever the endpoint is spoken to otherwise.
pub(in crate::proxy) async fn send_http2(
    lease: Lease,
    request: &mut Request<Body>,
    report: Option<&mut Report>,
) -> Result<Response<Body>, SendError> {
    let response = lease.http2.send(take(request), report).await?;
    received(response, None, lease)
}

/// A copy of a request that may be sent two times. In a place of its own, as few requests need one.
fn repeatable(request: &Request<Body>) -> Option<Box<Request<Body>>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(Body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    Some(Box::new(copy))
}

/// Whether the connection ended, and not the patience with what came over it.
fn is_end(error: &hyper::Error) -> bool {
    !error.is_parse() && !error.is_user()
}

/// The response with the exchange in its body.
fn received(
    mut response: Response<Incoming>,
    connection: Option<Box<Connection>>,
    lease: Lease,
) -> Result<Response<Body>, SendError> {
    framing::response(&mut response).map_err(SendError::Misframed)?;
    let switched = upgrade::is_switched(&response);
    Ok(response.map(|body| {
        if switched {
            // The connection is not one of HTTP any more. The exchange goes on.
            if let Some(connection) = connection {
                connection.driver.detach();
            }
            Body::new(PooledBody::new(body, None, lease))
        } else if body.is_end_stream() {
            if let Some(connection) = connection {
                lease.put(connection);
            }
            Body::empty()
        } else {
            Body::new(PooledBody::new(body, connection, lease))
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Method;
    use http_body_util::BodyExt;
    use loom_config::model;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::proxy::pool::{Admission, Endpoint, Place};

    /// Ends a test that hangs.
    const LIMIT: Duration = Duration::from_secs(60);

    struct Server(TcpListener);

    impl Server {
        async fn start() -> (Self, Arc<Endpoint>) {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("an address");
            let address = model::EndpointAddress::Tcp {
                host: address.ip().to_string(),
                port: address.port(),
            };
            let place = Place::new(&model::Endpoint { address, weight: 1 }).expect("a host");
            let timeouts = model::UpstreamTimeouts {
                connect: LIMIT,
                idle: LIMIT,
                per_try: None,
            };
            let endpoint = Endpoint::new(place, &timeouts, None);
            (Self(listener), Arc::new(endpoint))
        }

        /// Takes a connection, and answers one request on it.
        async fn connection(&self) -> TcpStream {
            let mut stream = self.0.accept().await.expect("a connection").0;
            head(&mut stream).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            stream.write_all(answer).await.expect("a reader");
            stream
        }
    }

    async fn head(stream: &mut TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a whole head"));
        }
    }

    /// Sends a request and reads all of its response.
    async fn status(endpoint: &Arc<Endpoint>, method: Method) -> Result<u16, SendError> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        let lease = Lease::new(Arc::clone(endpoint), Admission::Ordinary, None);
        let response = tokio::time::timeout(LIMIT, send(lease, &mut request, None)).await;
        let response = response.expect("the test hangs")?;
        let status = response.status().as_u16();
        response.into_body().collect().await.expect("a whole body");
        Ok(status)
    }

    /// A connection that is kept, and so old that it is not trusted blindly.
    async fn kept(server: &Server, endpoint: &Arc<Endpoint>) -> TcpStream {
        let (status, stream) = tokio::join!(status(endpoint, Method::GET), server.connection());
        assert_eq!(status.expect("a response"), 200);
        // On this one thread the connection's task has its turns now.
        while endpoint
            .take()
            .map(|(connection, _)| endpoint.put(connection))
            .is_none()
        {
            tokio::task::yield_now().await;
        }
        std::thread::sleep(limits::POOL_TRUSTED);
        stream
    }

    #[tokio::test]
    async fn a_connection_is_used_again() {
        let (server, endpoint) = Server::start().await;
        let mut stream = kept(&server, &endpoint).await;
        let answer = async {
            head(&mut stream).await;
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer).await.expect("a reader");
        };
        let (status, ()) = tokio::join!(status(&endpoint, Method::GET), answer);
        assert_eq!(status.expect("a response"), 204);
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_unused_is_not_used() {
        for method in [Method::GET, Method::POST] {
            let (server, endpoint) = Server::start().await;
            // Nothing is awaited between the close and the next request, so that the pool cannot know of it yet.
            drop(kept(&server, &endpoint).await);
            let (status, _stream) = tokio::join!(status(&endpoint, method), server.connection());
            assert_eq!(status.expect("a response"), 200);
        }
    }

    #[tokio::test]
    async fn what_may_have_been_received_is_repeated_only_when_that_is_safe() {
        // The server takes the request, and closes without an answer.
        let take_and_close = async |mut stream| head(&mut stream).await;

        let (server, endpoint) = Server::start().await;
        let stream = kept(&server, &endpoint).await;
        let server_side = async {
            take_and_close(stream).await;
            server.connection().await
        };
        let (get, _stream) = tokio::join!(status(&endpoint, Method::GET), server_side);
        assert_eq!(get.expect("a response"), 200);

        let (server, endpoint) = Server::start().await;
        let stream = kept(&server, &endpoint).await;
        let (post, ()) = tokio::join!(status(&endpoint, Method::POST), take_and_close(stream));
        assert!(matches!(post, Err(SendError::Exchange(_))), "{post:?}");
    }

    #[tokio::test]
    async fn a_new_connection_is_no_reason_to_repeat() {
        let (server, endpoint) = Server::start().await;
        let close = async {
            let mut stream = server.0.accept().await.expect("a connection").0;
            head(&mut stream).await;
        };
        let (status, ()) = tokio::join!(status(&endpoint, Method::GET), close);
        assert!(matches!(status, Err(SendError::Exchange(_))), "{status:?}");
    }
}
