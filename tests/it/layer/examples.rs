//! The example plugins among the layers of an axum application.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use loom_layer::{BodyMode, CalloutBody, LoomPlugin, LoomPluginBuilder, LoomRuntime, MetricValue};
use serde_json::Value;
use tower::{ServiceExt, service_fn};

use super::support::{eventually, runtime};
use crate::built;

/// The plugin of `examples/plugins/NAME`; `None`: no compiler.
fn example(name: &str) -> Option<LoomPluginBuilder> {
    let file = built::plugin(name)?;
    let plugin = LoomPlugin::builder(format!("axum {name}")).file(file);
    Some(plugin.runtime(runtime()).instances(2))
}

fn layered(plugin: LoomPluginBuilder) -> Router {
    Router::new()
        .route("/seen", get(seen))
        .route("/name", post(name))
        .layer(plugin.build().expect("a plugin"))
}

/// What a plugin wrote into the request.
async fn seen(headers: HeaderMap) -> String {
    let value = headers.get("x-processed-by");
    value
        .map_or("", |value| value.to_str().expect("text"))
        .to_owned()
}

/// A handler that reads JSON, and relies on getting nothing else.
async fn name(body: Bytes) -> String {
    let body: Value = serde_json::from_slice(&body).expect("only JSON gets here");
    body["name"].as_str().unwrap_or_default().to_owned()
}

async fn ask(app: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = app.clone().oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let body = String::from_utf8(body.into()).expect("text");
    (parts.status, parts.headers, body)
}

fn get_request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn add_header_in_rust_and_go() {
    for name in ["add-header", "rust-sdk-0.2.1", "add-header-go"] {
        let Some(plugin) = example(name) else {
            continue;
        };
        let (status, headers, body) = ask(&layered(plugin), get_request("/seen")).await;
        assert_eq!(status, StatusCode::OK, "{name}");
        assert_eq!(body, "Loom", "{name}");
        assert_eq!(headers["x-gateway"], "Loom", "{name}");
    }
}

#[tokio::test]
async fn json_validation_in_front_of_a_handler_that_reads_json() {
    for mode in [BodyMode::Streaming, BodyMode::BeforeInner] {
        let Some(plugin) = example("json-validation") else {
            return;
        };
        let app = layered(
            plugin
                .config(r#"{"required": ["name"]}"#)
                .request_body(mode),
        );
        let send = |body: &'static str| {
            let request = Request::post("/name").header("content-type", "application/json");
            request.body(Body::from(body)).expect("a request")
        };
        let (status, _, body) = ask(&app, send(r#"{"name": "Ada"}"#)).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "Ada"), "{mode:?}");
        let (status, _, body) = ask(&app, send(r#"{"nome": "Ada"}"#)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{mode:?}");
        assert_eq!(body, r#"{"error":"the field \"name\" is required"}"#);
    }
}

/// Enough requests that some meet between reading and writing: a plugin that stores without comparing lets more through.
#[test]
fn rate_limit_counts_over_all_vms() {
    let plugin = example("rate-limit").expect("rustup adds its target");
    let config = r#"{"requests_per_second": 0.001, "burst": 10000}"#;
    let app = layered(plugin.instances(4).config(config));
    let passed = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                runtime.expect("a runtime").block_on(async {
                    for _ in 0..3000 {
                        let (status, ..) = ask(&app, get_request("/seen")).await;
                        passed.fetch_add(usize::from(status == StatusCode::OK), Relaxed);
                    }
                });
            });
        }
    });
    assert_eq!(passed.into_inner(), 10000);
}

#[tokio::test]
async fn auth_callout_asks_a_service_of_the_application() {
    let plugin = example("auth-callout").expect("rustup adds its target");
    let server = service_fn(|request: Request<CalloutBody>| async move {
        let good = request.headers()["authorization"] == "Bearer letmein";
        let status = if good {
            StatusCode::OK
        } else {
            StatusCode::FORBIDDEN
        };
        let mut response = Response::new(Full::<Bytes>::default());
        *response.status_mut() = status;
        Ok::<_, std::convert::Infallible>(response)
    });
    let plugin = plugin.upstream_service("auth", server);
    let app = layered(plugin.config(r#"{"upstream": "auth"}"#));
    for (token, status) in [
        ("letmein", StatusCode::OK),
        ("wrong", StatusCode::FORBIDDEN),
    ] {
        let request = Request::get("/seen").header("authorization", format!("Bearer {token}"));
        let request = request.body(Body::empty()).expect("a request");
        assert_eq!(ask(&app, request).await.0, status, "{token}");
    }
}

#[tokio::test]
async fn body_rewrite_sets_the_right_length() {
    let plugin = example("body-rewrite").expect("rustup adds its target");
    let config = r#"{"replace": [{"from": "Ada", "to": "Grace H."}]}"#;
    let app = layered(plugin.config(config));
    let request = Request::post("/name").header("content-type", "application/json");
    let request = request
        .body(Body::from(r#"{"name": "Ada and Ada"}"#))
        .expect("a request");
    let (_, headers, body) = ask(&app, request).await;
    assert_eq!(body, "Grace H. and Grace H.");
    assert_eq!(headers["content-length"], "21");
}

#[tokio::test]
async fn metrics_log_measures() {
    let plugin = example("metrics-log").expect("rustup adds its target");
    let runtime = LoomRuntime::builder().build().expect("a runtime");
    let app = layered(plugin.runtime(&runtime).config(r#"{"prefix": "app"}"#));
    for _ in 0..3 {
        ask(&app, get_request("/seen")).await;
    }
    let metric = |name: &str| {
        let metrics = runtime.metrics();
        let found = metrics.into_iter().find(|metric| metric.name() == name);
        found.map(|metric| metric.value().clone())
    };
    eventually("three requests are counted", || {
        matches!(metric("app.total"), Some(MetricValue::Counter(3)))
            && matches!(metric("app.errors"), Some(MetricValue::Counter(0)))
    })
    .await;
    let Some(MetricValue::Histogram(times)) = metric("app.milliseconds") else {
        panic!("no histogram");
    };
    assert_eq!(times.count(), 3);
}
