//! One request through the plugin, polled by hand: what waits for something that will not come is dropped, as when a
//! client goes away, so that no run waits for time to pass.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use loom_layer::{LoomPlugin, RequestBody};
use tower::{Layer, Service, service_fn};

use super::guest::{ALIVE, LONGEST, PROGRAM};

/// How often something that waits is looked at again, after other tasks had their turns.
const GLANCES: usize = 16;

/// What the exchange looks like, bit by bit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape(pub(super) u8);

impl Shape {
    fn has(self, bit: u8) -> bool {
        self.0 & 1 << bit != 0
    }

    fn request(self) -> Pieces {
        Pieces::new(self.has(0), self.has(1), self.has(2))
    }

    fn response(self) -> Pieces {
        Pieces::new(self.has(3), self.has(4), self.has(5))
    }

    /// Whether the inner service answers before it has read the request.
    fn answers_early(self) -> bool {
        self.has(6)
    }
}

/// A body in pieces, which are all there.
#[derive(Debug)]
struct Pieces(VecDeque<Frame<Bytes>>);

impl Pieces {
    fn new(first: bool, second: bool, trailers: bool) -> Self {
        let mut frames = VecDeque::new();
        if first {
            frames.push_back(Frame::data(Bytes::from_static(b"hello ")));
        }
        if second {
            frames.push_back(Frame::data(Bytes::from_static(b"world")));
        }
        if trailers {
            let value = HeaderValue::from_static("1");
            let map = HeaderMap::from_iter([(http::HeaderName::from_static("x-trailer"), value)]);
            frames.push_back(Frame::trailers(map));
        }
        Self(frames)
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

/// What the inner service was told of the streams that are alive, if it was called.
type Alive = Arc<Mutex<Option<HeaderValue>>>;

/// Sends a request with this program, and reads the answer, as far as both come. Gives back how many streams the plugin
/// said there were, in one digit.
pub(super) async fn run(plugin: LoomPlugin, shape: Shape, program: &[u8]) -> Option<HeaderValue> {
    let alive = Alive::default();
    send(plugin, shape, program, &alive).await;
    let mut alive = alive.lock().unwrap_or_else(PoisonError::into_inner);
    alive.take()
}

async fn send(plugin: LoomPlugin, shape: Shape, program: &[u8], alive: &Alive) {
    let inner = service_fn(move |request: Request<RequestBody<Pieces>>| async move {
        check(request.headers());
        let told = request.headers().get(ALIVE).cloned();
        *alive.lock().unwrap_or_else(PoisonError::into_inner) = told;
        let mut body = request.into_body();
        if !shape.answers_early() {
            while let Some(Ok(frame)) = body.frame().await {
                frame.trailers_ref().into_iter().for_each(check);
            }
        }
        let mut response = Response::new(shape.response());
        let headers = response.headers_mut();
        headers.insert("x-b", HeaderValue::from_static("c"));
        Ok::<_, Infallible>(response)
    });
    let mut service = plugin.layer(inner);
    let mut request = Request::post("/fuzz?a=b")
        .body(shape.request())
        .expect("a request");
    let program = hex(&program[..program.len().min(LONGEST)]);
    let program = HeaderValue::from_str(&program).expect("digits");
    request.headers_mut().insert(PROGRAM, program);
    let response = as_far_as_it_comes(service.call(request)).await;
    let Some(Ok(response)) = response else {
        return;
    };
    check(response.headers());
    let mut body = pin!(response.into_body());
    while let Some(Some(Ok(frame))) = as_far_as_it_comes(body.frame()).await {
        frame.trailers_ref().into_iter().for_each(check);
    }
}

/// What a head on its way may never have: two lengths, framing of its own, or a name that is none.
fn check(headers: &HeaderMap) {
    let lengths = headers.get_all("content-length").iter().count();
    assert!(lengths <= 1, "{headers:?}");
    assert!(!headers.contains_key("transfer-encoding"), "{headers:?}");
    for name in headers.keys() {
        assert!(!name.as_str().starts_with(':'), "{headers:?}");
    }
}

async fn as_far_as_it_comes<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..GLANCES {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
