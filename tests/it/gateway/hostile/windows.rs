//! Clients of HTTP/2 that keep windows shut, and answer PINGs all the same.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use loom_gateway::Running;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, UnixListener};

use super::super::admin::{ADMIN, admin, eventually, metrics};
use super::super::connections::cut;
use super::slow::steady;
use crate::gateway::keys::shows;
use crate::gateway::support::frames::{
    DATA, END_STREAM, Frames, GOAWAY, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, headers,
};
use crate::gateway::support::{
    Upstream, address, full, http2, panics, proxy_to, read_head, start, text, within,
};

shows! {
    ["listeners[].limits.http2"]: "stream_send_timeout" => a_stream_of_which_nothing_is_taken_is_reset;
}

/// Requests at the same time, as the gateway has it by itself.
const STREAMS: u32 = 128;

/// What the gateway holds of one response at the most: `docs/limits.md`.
const HELD: usize = 832 << 10;

/// What a Unix socket holds by itself, at the most.
const SOCKET: usize = 256 << 10;

const CANCEL: u32 = 8;

/// Limits that end what does not move, and no other ones: clients here do not answer PINGs.
const IDLE: &str = "idle_timeout: 1s, http2: {stream_send_timeout: 1s, keep_alive_interval: 24h}";

/// A server whose answers never end. It is at a Unix socket, since that holds little by itself.
struct Endless {
    folder: TempDir,
    /// Bytes of bodies that were taken from it.
    taken: Arc<AtomicUsize>,
    /// Connections that are read from.
    open: Arc<AtomicUsize>,
}

impl Endless {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("socket")).expect("a socket");
        let (taken, open) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let this = Self {
            folder,
            taken: Arc::clone(&taken),
            open: Arc::clone(&open),
        };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (taken, open) = (Arc::clone(&taken), Arc::clone(&open));
                tokio::spawn(async move {
                    read_head(&mut stream).await;
                    open.fetch_add(1, Ordering::Relaxed);
                    let head =
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 1_u64 << 40);
                    stream.write_all(head.as_bytes()).await.expect("a reader");
                    let piece = vec![0; 64 << 10];
                    while let Ok(count) = stream.write(&piece).await {
                        taken.fetch_add(count, Ordering::Relaxed);
                    }
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        this
    }

    /// A gateway in front of it, with these limits of HTTP/2 and others.
    async fn gateway(&self, limits: &str) -> Running {
        start(&format!(
            "{ADMIN}listeners: [{{name: web, address: '127.0.0.1:0', limits: {{{limits}}}}}]
routes: [{{id: all, path: '/*', upstream: a}}]
upstreams: [{{name: a, endpoints: ['unix:{}']}}]",
            self.folder.path().join("socket").display()
        ))
        .await
    }

    /// Waits until so many connections are read from.
    async fn until_open(&self, count: usize) {
        within(async {
            while self.open.load(Ordering::Relaxed) != count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}

/// The number of the stream of a client's request.
fn number(request: u32) -> u32 {
    2 * request + 1
}

/// What grants this much of every stream, and what asks on so many of them.
fn ask(window: u32, requests: u32) -> Vec<u8> {
    let setting = [&[0, 4][..], &window.to_be_bytes()].concat();
    let get = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "a"),
    ];
    let requests = (0..requests).map(|request| headers(number(request), &get, END_STREAM));
    let requests: Vec<u8> = requests.flatten().collect();
    [frame(SETTINGS, 0, 0, &setting), requests].concat()
}

/// Asks the gateway for signs of life until it closes. The kinds and the streams of what came.
async fn rest(client: &mut Frames) -> Vec<(u8, u32)> {
    let mut kinds = Vec::new();
    while let Some(seen) = client.next().await {
        kinds.push((seen.kind, seen.stream));
        tokio::time::sleep(Duration::from_millis(1)).await;
        // The connection may have ended in the meantime.
        let _ = client.0.write_all(&frame(PING, 0, 0, &[0; 8])).await;
    }
    kinds
}

#[tokio::test]
async fn what_is_held_for_clients_that_take_nothing_is_bounded() {
    for (streams, connection) in [
        // Streams that are shut, and such that let one byte pass.
        (0, 1),
        (1, 1),
        // A connection that is shut.
        (1 << 30, 1),
        // All is open, and nobody reads the socket.
        (1 << 30, 1 << 30),
    ] {
        let upstream = Endless::start();
        let gateway = upstream.gateway("").await;
        let mut client = Frames::connect(address(&gateway)).await;
        let connection = frame(WINDOW_UPDATE, 0, 0, &u32::to_be_bytes(connection));
        client
            .send([connection, ask(streams, STREAMS)].concat())
            .await;
        upstream.until_open(STREAMS as usize).await;
        let each = steady(&upstream.taken).await / STREAMS as usize;
        assert!(each <= HELD + SOCKET, "{each} bytes, with {streams}");
        drop(client);
        upstream.until_open(0).await;
    }
    panics::assert_none();
}

/// Those who come as good clients: what the gateway reads at once of an upstream grows with what it can pass on.
#[tokio::test]
async fn it_is_bounded_too_when_they_have_taken_something_before() {
    const GRANTED: usize = 1 << 20;
    let upstream = Endless::start();
    let gateway = upstream.gateway("").await;
    let mut client = Frames::connect(address(&gateway)).await;
    let most = frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes());
    let window = u32::try_from(GRANTED).expect("a window");
    client.send([most, ask(window, STREAMS)].concat()).await;
    let all = STREAMS as usize * GRANTED;
    let mut came = 0;
    while came < all {
        let seen = client.until(DATA).await.expect("more");
        came += seen.payload.len();
    }
    let taken = steady(&upstream.taken).await;
    let each = (taken - all) / STREAMS as usize;
    assert!(each <= HELD + SOCKET, "{each} bytes");
    panics::assert_none();
}

#[tokio::test]
async fn a_stream_of_which_nothing_is_taken_is_reset() {
    let upstream = Endless::start();
    let gateway = upstream.gateway(IDLE).await;
    let mut client = Frames::connect(address(&gateway)).await;
    client.send(ask(0, 4)).await;
    upstream.until_open(4).await;

    // The first stream goes on, and there is something from the client all the time.
    let grant = frame(WINDOW_UPDATE, 0, number(0), &(32_u32 << 10).to_be_bytes());
    let ping = frame(PING, 0, 0, &[0; 8]);
    let mut reset = Vec::new();
    while reset.len() < 3 {
        let seen = client.next().await.expect("a frame");
        match seen.kind {
            RST_STREAM => {
                assert_eq!(seen.payload, CANCEL.to_be_bytes());
                reset.push(seen.stream);
            }
            DATA => {
                let length = u32::try_from(seen.payload.len()).expect("a length");
                client
                    .send(frame(WINDOW_UPDATE, 0, 0, &length.to_be_bytes()))
                    .await;
            }
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        client.send([&grant[..], &ping].concat()).await;
    }
    reset.sort_unstable();
    assert_eq!(reset, [number(1), number(2), number(3)]);
    upstream.until_open(1).await;
    eventually(admin(&gateway), &cut("stream_send_timeout"), 3.0).await;

    // Now nothing does. With its last stream the connection has nothing to live for, whatever else comes.
    let rest = within(rest(&mut client)).await;
    let has = |kind, stream| rest.contains(&(kind, stream));
    assert!(has(RST_STREAM, number(0)) && has(GOAWAY, 0), "{rest:?}");
    upstream.until_open(0).await;
    let series = metrics(admin(&gateway)).await;
    assert_eq!(series.get(&cut("stream_send_timeout")), Some(&4.0));
    panics::assert_none();
}

/// What the gateway has handed over as a whole is no request any more.
#[tokio::test]
async fn the_end_of_a_response_that_is_left_does_not_keep_a_connection() {
    let upstream = Upstream::bind().await.serve(|_| async {
        // It comes as one piece.
        Response::new(full(vec![b'x'; 7 << 10]))
    });
    let gateway = start(&format!(
        "listeners: [{{name: web, address: '127.0.0.1:0', limits: {{{IDLE}}}}}]\n{}",
        proxy_to(&[upstream])
    ))
    .await;
    let mut client = Frames::connect(address(&gateway)).await;
    client.send(ask(1, STREAMS)).await;
    within(rest(&mut client)).await;
    panics::assert_none();
}

/// A server of HTTP/2 whose answers never end, but for `/small`; and the bytes that were taken from it.
async fn http2_upstream() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let taken = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&taken);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            let service = service_fn(move |request| {
                let response = Response::new(endless(&request, &counted));
                async { Ok::<_, Infallible>(response) }
            });
            let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, taken)
}

fn endless(request: &Request<Incoming>, taken: &Arc<AtomicUsize>) -> BoxBody<Bytes, Infallible> {
    if request.uri().path() == "/small" {
        return Full::new(Bytes::from("small")).boxed();
    }
    let taken = Arc::clone(taken);
    let piece = Bytes::from(vec![0; 16 << 10]);
    let pieces = stream::repeat_with(move || {
        taken.fetch_add(piece.len(), Ordering::Relaxed);
        Ok(Frame::data(piece.clone()))
    });
    BodyExt::boxed(StreamBody::new(pieces))
}

#[tokio::test]
async fn a_client_that_takes_nothing_does_not_hold_up_others() {
    let (server, taken) = http2_upstream().await;
    let gateway = start(&format!(
        "listeners: [{{name: web, address: '127.0.0.1:0', limits: {{http2: {{keep_alive_interval: 24h}}}}}}]
routes: [{{id: all, path: '/*', upstream: a}}]
upstreams: [{{name: a, endpoints: '{server}', protocol: http2}}]"
    ))
    .await;
    let mut client = Frames::connect(address(&gateway)).await;
    client.send(ask(0, STREAMS)).await;
    let each = steady(&taken).await / STREAMS as usize;
    assert!(each <= HELD, "{each} bytes");
    let mut other = http2(address(&gateway)).await;
    for _ in 0..20 {
        let request = Request::get("http://a/small").body(Empty::<Bytes>::new());
        let response = within(other.send_request(request.expect("a request"))).await;
        assert_eq!(text(response.expect("a response")).await, "small");
    }
    // They share the one connection.
    assert_eq!(gateway.upstreams()[0].endpoints[0].connections, 1);
    panics::assert_none();
}
