//! A gRPC server of exact bytes: its methods are called what they do, and so are the services that health checks ask about.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::channel::Channel;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A server on a free port, and what it saw.
#[derive(Clone)]
pub(crate) struct GrpcServer {
    pub(crate) address: SocketAddr,
    /// As many calls at the same time does it take from one connection.
    streams: u32,
    end: Arc<watch::Sender<End>>,
    seen: Arc<Mutex<Seen>>,
}

/// What becomes of the connections that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    None,
    /// They end.
    Close,
    /// They take no further requests, and end with those that they have.
    GoAway,
}

#[derive(Default)]
struct Seen {
    head: Option<http::request::Parts>,
    requests: usize,
    connections: usize,
    open_connections: usize,
    /// Responses that nobody has let go.
    silences: usize,
    /// Requests that were read to their end, and those that were reset before.
    ended: usize,
    reset: usize,
}

impl GrpcServer {
    /// Starts the server; it ends with the test's runtime.
    pub(crate) async fn start() -> Self {
        Self::with_streams(2048).await
    }

    /// As [`start`](Self::start), for so many calls at the same time on one connection.
    pub(crate) async fn with_streams(streams: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            streams,
            end: Arc::new(watch::Sender::new(End::None)),
            seen: Arc::default(),
        };
        let this = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(this.clone().serve(TokioIo::new(stream)));
            }
        });
        server
    }

    async fn serve(self, stream: TokioIo<TcpStream>) {
        self.see(|seen| {
            seen.connections += 1;
            seen.open_connections += 1;
        });
        self.clone().run(stream).await;
        self.see(|seen| seen.open_connections -= 1);
    }

    /// Serves a connection to its end. It is closed when this is over.
    async fn run(self, stream: TokioIo<TcpStream>) {
        let service = service_fn(|request| self.clone().answer(request));
        let connection = http2::Builder::new(TokioExecutor::new())
            .auto_date_header(false)
            .max_concurrent_streams(self.streams)
            .serve_connection(stream, service);
        let mut connection = std::pin::pin!(connection);
        let mut end = self.end.subscribe();
        tokio::select! {
            _ = &mut connection => {}
            _ = end.changed() => {
                if *end.borrow() == End::GoAway {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
        }
    }

    /// Ends all connections.
    pub(crate) async fn close_connections(&self) {
        self.end.send_replace(End::Close);
        while self.connections().1 > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Has all connections end when their requests have ended.
    pub(crate) fn go_away(&self) {
        self.end.send_replace(End::GoAway);
    }

    fn see<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().expect("no panic before"))
    }

    /// The head of the last request.
    pub(crate) fn head(&self) -> http::request::Parts {
        self.see(|seen| seen.head.clone()).expect("a request")
    }

    pub(crate) fn requests(&self) -> usize {
        self.see(|seen| seen.requests)
    }

    /// How many connections there were, and how many there are.
    pub(crate) fn connections(&self) -> (usize, usize) {
        self.see(|seen| (seen.connections, seen.open_connections))
    }

    /// How many callers wait for what `Silent` says.
    pub(crate) fn silences(&self) -> usize {
        self.see(|seen| seen.silences)
    }

    /// How many requests to `Echo` came to their end, and how many were reset.
    pub(crate) fn ends(&self) -> (usize, usize) {
        self.see(|seen| (seen.ended, seen.reset))
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Body>, BoxError> {
        let (head, mut body) = request.into_parts();
        let method = head.uri.path().rsplit('/').next();
        let mut name = method.unwrap_or_default().to_owned();
        self.see(|seen| {
            seen.head = Some(head);
            seen.requests += 1;
        });
        if name == "Check" {
            name = service(&mut body).await?;
        }
        let ok = || Ok(trailers("0", None));
        Ok(match name.as_str() {
            "Serving" => body_of([data(0, b"\x08\x01"), ok()]),
            "Echo" => grpc(self.echo(body)),
            "Silent" => grpc(Silence::begin(self)),
            "SilentWithoutHead" => {
                let _silence = Silence::begin(self);
                std::future::pending().await
            }
            // Says it when somebody waits for what `Silent` says.
            "AfterSilent" => {
                while self.silences() == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                body_of([ok()])
            }
            "Fail" => without_body(200, Some(trailers("7", Some("n%C3%B6 %25")))),
            "Http404" => without_body(404, None),
            "Http503WithStatus" => without_body(503, Some(trailers("9", Some("q")))),
            "FailAfter" => body_of([data(0, b"m1"), Ok(trailers("5", Some("gone")))]),
            "Compressed" => body_of([data(1, b"abc"), ok()]),
            "CompressedEmpty" => body_of([data(1, b""), ok()]),
            "NoTrailers" => body_of([data(0, b"abc")]),
            "NoStatus" => body_of([data(0, b"abc"), Ok(trailers("none", None))]),
            "OddStatus" => body_of([data(0, b"abc"), Ok(trailers("17", None))]),
            "Partial" => body_of([Ok(Frame::data(Bytes::from_static(b"\0\0\0\0\x06ab"))), ok()]),
            "Empty" => body_of([ok()]),
            "EmptyMessage" => body_of([data(0, b""), ok()]),
            "Two" => body_of([data(0, b"abc"), data(0, b"def"), ok()]),
            "Largest" => body_of([data(0, &[b'x'; LARGEST]), ok()]),
            "TooLarge" => body_of([data(0, &[b'x'; LARGEST + 1]), ok()]),
            "EndAfter" => body_of([data(0, b"abc"), Ok(trailers("0", Some("fine")))]),
            "ResetAtMessage" => grpc(broken_at_message(body)),
            "ResetEarly" => return Err("as it was told".into()),
            other => without_body(200, Some(trailers("12", Some(other)))),
        })
    }

    /// What the request says, as it says it; then trailers.
    fn echo(self, mut request: Incoming) -> Body {
        let (mut sender, body) = Channel::<Bytes, BoxError>::new(1);
        tokio::spawn(async move {
            while let Some(frame) = request.frame().await {
                match frame.map(Frame::into_data) {
                    // An error says that the caller is gone, which is seen at its side.
                    Ok(Ok(data)) => drop(sender.send_data(data).await),
                    Ok(Err(_)) => {}
                    Err(_) => return self.see(|seen| seen.reset += 1),
                }
            }
            self.see(|seen| seen.ended += 1);
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            trailers.insert("x-trail", HeaderValue::from_static("two"));
            let _ = sender.send_trailers(trailers).await;
        });
        body.boxed_unsync()
    }
}

/// The service that a health check asks about.
async fn service(body: &mut Incoming) -> Result<String, BoxError> {
    let mut request = Vec::new();
    while let Some(frame) = body.frame().await {
        request.extend_from_slice(frame?.data_ref().expect("no trailers"));
    }
    // The message's prefix, the number of the field, and the length of the name.
    let name = request.get(7..).unwrap_or_default();
    Ok(std::str::from_utf8(name)?.to_owned())
}

/// The largest message that is taken.
const LARGEST: usize = 4 << 20;

fn data(flags: u8, message: &[u8]) -> Result<Frame<Bytes>, BoxError> {
    let length = u32::try_from(message.len())?.to_be_bytes();
    let all = [&[flags][..], &length, message].concat();
    Ok(Frame::data(all.into()))
}

fn trailers(status: &str, message: Option<&str>) -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    let value = |text: &str| HeaderValue::from_str(text).expect("text");
    if status == "none" {
        trailers.insert("x-z", value("1"));
    } else {
        trailers.insert("grpc-status", value(status));
    }
    if let Some(message) = message {
        trailers.insert("grpc-message", value(message));
    }
    Frame::trailers(trailers)
}

fn grpc(
    body: impl http_body::Body<Data = Bytes, Error = BoxError> + Send + 'static,
) -> Response<Body> {
    Response::builder()
        .header("content-type", "application/grpc")
        .header("x-meta", "one")
        .body(body.boxed_unsync())
        .expect("a response")
}

fn body_of<const N: usize>(frames: [Result<Frame<Bytes>, BoxError>; N]) -> Response<Body> {
    grpc(StreamBody::new(stream::iter(frames)))
}

/// Says something, and breaks off at what is said to it.
fn broken_at_message(mut request: Incoming) -> Body {
    let (mut sender, body) = Channel::<Bytes, BoxError>::new(1);
    tokio::spawn(async move {
        let said = data(0, b"abc").expect("it is short");
        sender.send(said).await.expect("it is heard");
        let _ = request.frame().await;
        sender.abort("as it was told".into());
    });
    body.boxed_unsync()
}

fn without_body(status: u16, trailers: Option<Frame<Bytes>>) -> Response<Body> {
    let body = Empty::new().map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    if let Some(Ok(trailers)) = trailers.map(Frame::into_trailers) {
        *response.headers_mut() = trailers;
    }
    response
}

/// A body that never says anything.
struct Silence(GrpcServer);

impl Silence {
    fn begin(server: GrpcServer) -> Self {
        server.see(|seen| seen.silences += 1);
        Self(server)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        self.0.see(|seen| seen.silences -= 1);
    }
}

impl http_body::Body for Silence {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Pending
    }
}
