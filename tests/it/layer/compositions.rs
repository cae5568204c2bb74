//! The layer among other layers: each arrangement that an application would write.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request as AxumRequest;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use loom_layer::{LoomChain, LoomPlugin, LoomRuntime, LoomService, RequestBody, ResponseBody};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_http::trace::TraceLayer;

use super::support::{Guest, load, runtime};
use crate::built::add_header;

fn header_plugin() -> LoomPlugin {
    LoomPlugin::builder("composed")
        .file(add_header())
        .runtime(runtime())
        .instances(1)
        .build()
        .expect("the example loads")
}

/// Answers with the header that the plugin adds to the request.
async fn show(request: AxumRequest) -> String {
    let header = request.headers().get("x-processed-by");
    header
        .map_or("nobody", |value| value.to_str().unwrap())
        .to_owned()
}

async fn ask(app: &Router, path: &str) -> (StatusCode, Option<String>, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let gateway = response.headers().get("x-gateway");
    let gateway = gateway.map(|value| value.to_str().unwrap().to_owned());
    let status = response.status();
    let body = to_bytes(response.into_body(), 1000).await.unwrap();
    (status, gateway, String::from_utf8(body.into()).unwrap())
}

#[tokio::test]
async fn all_routes_of_a_router() {
    let app = Router::new()
        .route("/a", get(show))
        .layer(header_plugin())
        .route("/later", get(show));
    let loom = Some("Loom".to_owned());
    assert_eq!(
        ask(&app, "/a").await,
        (StatusCode::OK, loom, "Loom".to_owned())
    );
    let (status, gateway, body) = ask(&app, "/later").await;
    assert_eq!(
        (status, gateway, body.as_str()),
        (StatusCode::OK, None, "nobody"),
        "a route that is added after the layer does not pass it"
    );
}

#[tokio::test]
async fn one_method_of_a_route() {
    let app = Router::new().route("/a", get(show).layer(header_plugin()).post(show));
    assert_eq!(ask(&app, "/a").await.2, "Loom");
    let request = Request::post("/a").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert!(!response.headers().contains_key("x-gateway"));
}

#[tokio::test]
async fn a_fallback_and_a_nested_router() {
    let inner = Router::new().route("/deep", get(show));
    let app = Router::new()
        .nest("/in", inner)
        .fallback(|| async { (StatusCode::NOT_FOUND, "none") })
        .layer(header_plugin());
    assert_eq!(ask(&app, "/in/deep").await.2, "Loom");
    let (status, gateway, body) = ask(&app, "/nowhere").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!((gateway.as_deref(), body.as_str()), (Some("Loom"), "none"));
}

#[tokio::test]
async fn other_middleware_on_both_sides() {
    let inner = service_fn(|request: Request<RequestBody<Full<Bytes>>>| async move {
        let seen = request.headers()["x-processed-by"].clone();
        let body = request.into_body().collect().await?;
        let mut response = Response::new(Full::new(body.to_bytes()));
        response.headers_mut().insert("x-seen", seen);
        Ok::<_, BoxError>(response)
    });
    let mut service = ServiceBuilder::new()
        .buffer(8)
        .layer(TraceLayer::new_for_http())
        .concurrency_limit(4)
        .timeout(Duration::from_secs(30))
        .layer(header_plugin())
        .timeout(Duration::from_secs(30))
        .concurrency_limit(1)
        .layer(TraceLayer::new_for_http())
        .buffer(8)
        .service(inner);
    for number in 0..20 {
        let body = format!("body {number}");
        let request = Request::post("/").body(Full::from(body.clone())).unwrap();
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(response.headers()["x-seen"], "Loom");
        assert_eq!(response.headers()["x-gateway"], "Loom");
        let answer = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(answer, body);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outer_timeout_cancels_the_request() {
    let plugin = header_plugin();
    let mut service = ServiceBuilder::new()
        .timeout(Duration::from_secs(5))
        .layer(plugin)
        .service(service_fn(
            |_: Request<RequestBody<Full<Bytes>>>| async move {
                std::future::pending::<()>().await;
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
            },
        ));
    let call = service.ready().await.unwrap().call(Request::default());
    let error = call.await.expect_err("nothing answers");
    assert!(error.is::<tower::timeout::error::Elapsed>(), "{error}");
}

#[derive(Debug, PartialEq)]
struct Odd(u32);

#[tokio::test]
async fn the_inner_service_s_error_comes_out_as_it_is() {
    let plugin = load("error-passes", &Guest::new().on_response(""));
    let service =
        plugin.layer(service_fn(
            |_: Request<RequestBody<Full<Bytes>>>| async move {
                Err::<Response<Full<Bytes>>, _>(Odd(7))
            },
        ));
    let result: Result<_, Odd> = service.oneshot(Request::default()).await;
    assert_eq!(result.expect_err("the service fails"), Odd(7));
}

#[tokio::test]
async fn a_body_s_trailers_and_error_pass_both_ways() {
    use http_body::Frame;
    use http_body_util::StreamBody;

    let plugin = load("frames-pass", &Guest::new().on_request("").on_response(""));
    let echo = service_fn(|request: Request<_>| async {
        Ok::<_, Infallible>(Response::new(request.into_body()))
    });
    let trailers: http::HeaderMap = [(
        http::header::HeaderName::from_static("x-end"),
        http::HeaderValue::from_static("1"),
    )]
    .into_iter()
    .collect();
    let frames = [
        Ok::<_, BoxError>(Frame::data(Bytes::from("ab"))),
        Ok(Frame::trailers(trailers.clone())),
    ];
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let response = plugin
        .layer(echo)
        .oneshot(Request::new(body))
        .await
        .unwrap();
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers(), Some(&trailers));
    assert_eq!(collected.to_bytes(), "ab");

    let frames = [
        Ok(Frame::data(Bytes::from("ab"))),
        Err(BoxError::from("cut off")),
    ];
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let response = plugin
        .layer(echo)
        .oneshot(Request::new(body))
        .await
        .unwrap();
    let error = response.into_body().collect().await.expect_err("cut off");
    assert_eq!(error.to_string(), "cut off");
}

#[test]
fn types_cross_threads() {
    fn everywhere<T: Clone + Send + Sync + 'static>() {}
    fn sent<T: Send + 'static>() {}
    fn future<S, B>()
    where
        LoomService<S>: Service<Request<B>>,
        <LoomService<S> as Service<Request<B>>>::Future: Send + 'static,
    {
    }
    everywhere::<LoomPlugin>();
    everywhere::<LoomChain>();
    everywhere::<LoomRuntime>();
    everywhere::<LoomService<Router>>();
    sent::<ResponseBody<Body>>();
    sent::<RequestBody<Body>>();
    future::<Router, Body>();
    fn error<T: std::error::Error + Send + Sync + 'static>() {}
    error::<loom_layer::Error>();
}
