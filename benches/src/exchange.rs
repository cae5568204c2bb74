//! Requests, the services that answer them, and the way to run one to its end.

use std::convert::Infallible;
use std::fmt::Debug;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceExt, service_fn};

/// A tokio runtime on the calling thread.
#[must_use]
pub fn thread_runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A service that answers `hello` and does nothing else.
pub fn bare<B: Send + 'static>()
-> impl Service<Request<B>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync {
    service_fn(|request: Request<B>| {
        drop(request);
        async { Ok(Response::new(Full::new(Bytes::from_static(b"hello")))) }
    })
}

/// A service that reads the whole body and answers `hello`.
pub fn reading<B>()
-> impl Service<Request<B>, Response = Response<Full<Bytes>>, Error = Infallible> + Clone
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Debug,
{
    service_fn(|request: Request<B>| async {
        read(request.into_body()).await;
        Ok(Response::new(Full::new(Bytes::from_static(b"hello"))))
    })
}

/// `GET /api/test?x=1` with three headers.
#[must_use]
pub fn get() -> Request<Full<Bytes>> {
    fields(3)
}

/// `GET /api/test?x=1` with so many headers.
///
/// # Panics
///
/// Never: all names and values are valid.
#[must_use]
pub fn fields(count: usize) -> Request<Full<Bytes>> {
    const KNOWN: [(&str, &str); 3] = [
        ("host", "example.com"),
        ("user-agent", "bench"),
        ("accept", "*/*"),
    ];
    let mut request = Request::get("/api/test?x=1");
    for (name, value) in KNOWN.into_iter().take(count) {
        request = request.header(name, value);
    }
    for number in KNOWN.len()..count {
        request = request.header(format!("x-header-{number}"), "a value of some length");
    }
    request.body(Full::default()).expect("a request")
}

/// `POST /api/test` with this body.
///
/// # Panics
///
/// Never: all names and values are valid.
#[must_use]
pub fn post(body: Bytes) -> Request<Full<Bytes>> {
    Request::post("/api/test")
        .header("host", "example.com")
        .header("content-length", body.len())
        .body(Full::new(body))
        .expect("a request")
}

/// Sends a request and reads the response to its end.
///
/// # Panics
///
/// When the service or the body fails.
pub async fn run<S, B, RB>(service: &mut S, request: Request<B>)
where
    S: Service<Request<B>, Response = Response<RB>>,
    S::Error: Debug,
    RB: Body<Data = Bytes>,
    RB::Error: Debug,
{
    let service = service.ready().await.expect("it is ready");
    let response = service.call(request).await.expect("a response");
    read(response.into_body()).await;
}

async fn read<B>(body: B)
where
    B: Body<Data = Bytes>,
    B::Error: Debug,
{
    let mut body = std::pin::pin!(body);
    while let Some(frame) = body.frame().await {
        drop(std::hint::black_box(frame.expect("a frame")));
    }
}
