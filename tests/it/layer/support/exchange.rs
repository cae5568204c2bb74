//! One request through plugins to a small service and back.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, request};
use http_body_util::{BodyExt, Empty, Full};
use loom_layer::{LoomChain, LoomPlugin, RequestBody};
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt, service_fn};

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What the inner service got, if it was called.
    pub(crate) seen: Option<request::Parts>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// A header of the request as the inner service got it; empty when it is missing.
    pub(crate) fn seen(&self, name: &str) -> &str {
        self.seen
            .as_ref()
            .and_then(|parts| parts.headers.get(name))
            .map_or("", |value| value.to_str().expect("text"))
    }

    /// A header of the response; empty when it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }
}

/// `GET /` with these headers.
pub(crate) fn get(headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::get("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::default()).expect("a request")
}

/// Sends a request to a service that answers `hello`.
pub(crate) async fn send(plugins: impl Into<LoomChain>, request: Request<Full<Bytes>>) -> Answer {
    send_to(plugins, request, Response::new(Full::from("hello"))).await
}

/// Sends a request to a service that answers with this response.
pub(crate) async fn send_to(
    plugins: impl Into<LoomChain>,
    request: Request<Full<Bytes>>,
    response: Response<Full<Bytes>>,
) -> Answer {
    let seen = Arc::new(Mutex::new(None));
    let inner = service_fn({
        let seen = Arc::clone(&seen);
        move |request: Request<RequestBody<Full<Bytes>>>| {
            let (parts, _) = request.into_parts();
            *seen.lock().unwrap() = Some(parts);
            let response = response.clone();
            async move { Ok::<_, Infallible>(response) }
        }
    });
    let response = plugins
        .into()
        .layer(inner)
        .oneshot(request)
        .await
        .expect("plugins cause no service error");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let seen = seen.lock().unwrap().take();
    Answer {
        seen,
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.into()).expect("text"),
    }
}

/// Sends a request to a service that says that it got it, and never answers.
pub(crate) async fn send_for_ever(plugin: LoomPlugin, reached: Arc<Semaphore>) {
    let inner = service_fn(|_: Request<RequestBody<Full<Bytes>>>| {
        reached.add_permits(1);
        std::future::pending::<Result<Response<Empty<Bytes>>, Infallible>>()
    });
    plugin
        .layer(inner)
        .oneshot(get(&[]))
        .await
        .expect("it never answers");
}
