//! Readiness: the inner service that was found ready gets the request, and none is lost.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use loom_layer::{LoomChain, RequestBody};
use tokio::sync::Semaphore;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_test::{assert_request_eq, mock};

use super::support::{Guest, eventually, load};

/// Panics when it is called without having been ready; a clone of it is not ready.
struct Strict {
    ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self {
            ready: false,
            calls: Arc::clone(&self.calls),
        }
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.ready),
            "called without being ready"
        );
        self.calls.fetch_add(1, Ordering::Relaxed);
        ready(Ok(Response::default()))
    }
}

#[tokio::test]
async fn the_ready_service_itself_is_called() {
    let plugin = load("ready-clone", &Guest::new().on_request("").on_response(""));
    for chain in [LoomChain::new([]), plugin.clone().into()] {
        let calls = Arc::new(AtomicUsize::new(0));
        let mut service = chain.layer(Strict {
            ready: false,
            calls: Arc::clone(&calls),
        });
        for _ in 0..3 {
            let request = Request::new(Full::<Bytes>::default());
            let ready = ServiceExt::<Request<Full<Bytes>>>::ready(&mut service).await;
            let response = ready.unwrap().call(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
        }
        assert_eq!(calls.load(Ordering::Relaxed), 3);
    }
}

#[tokio::test]
async fn readiness_is_the_inner_service_s() {
    let plugin = load("ready-mock", &Guest::new().on_request(""));
    let (mock, mut handle) = mock::pair::<&'static str, &'static str>();
    let inner = mock.map_request(|request: Request<RequestBody<Full<Bytes>>>| {
        if request.headers().contains_key("x-two") {
            "two"
        } else {
            "one"
        }
    });
    let inner = inner.map_response(|_| Response::new(Full::<Bytes>::default()));
    let mut service = mock::Spawn::new(plugin.layer(inner));

    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let call = service.call(Request::new(Full::default()));
    let call = tokio::spawn(call);
    assert_request_eq!(handle, "one").send_response("fine");
    assert_eq!(call.await.unwrap().unwrap().status(), StatusCode::OK);
    assert!(
        service.poll_ready().is_pending(),
        "one permit was one request"
    );

    handle.send_error("worn out");
    let Poll::Ready(Err(error)) = service.poll_ready() else {
        panic!("the inner service's failure is the layer's");
    };
    assert_eq!(error.to_string(), "worn out");
}

#[tokio::test]
async fn a_local_reply_gives_the_permit_back() {
    let guest = Guest::new().on_request("(call $reply (i32.const 403))");
    let plugin = load("ready-reply", &guest);
    let mut service = ServiceBuilder::new()
        .layer(plugin)
        .concurrency_limit(1)
        .service(service_fn(
            |_: Request<RequestBody<Full<Bytes>>>| async move {
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
            },
        ));
    for _ in 0..5 {
        let request = Request::new(Full::default());
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn requests_run_side_by_side_up_to_the_inner_limit() {
    let plugin = load("ready-limit", &Guest::new().on_request(""));
    let gate = Arc::new(Semaphore::new(0));
    let running = Arc::new(AtomicUsize::new(0));
    let inner = service_fn({
        let (gate, running) = (Arc::clone(&gate), Arc::clone(&running));
        move |_: Request<RequestBody<Full<Bytes>>>| {
            let (gate, running) = (Arc::clone(&gate), Arc::clone(&running));
            async move {
                running.fetch_add(1, Ordering::Relaxed);
                gate.acquire().await.unwrap().forget();
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
            }
        }
    });
    let service = ServiceBuilder::new()
        .layer(plugin)
        .concurrency_limit(2)
        .service(inner);
    let calls: Vec<_> = (0..4)
        .map(|_| tokio::spawn(service.clone().oneshot(Request::default())))
        .collect();
    eventually("two run", || running.load(Ordering::Relaxed) == 2).await;
    gate.add_permits(4);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), StatusCode::OK);
    }
    assert_eq!(running.load(Ordering::Relaxed), 4);
}
