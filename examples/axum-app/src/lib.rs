//! An axum application with a Proxy-Wasm plugin among its layers.

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use loom_layer::LoomPlugin;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

/// The application. A plugin is a layer like any other: here it stands inside the time limit and the trace span, so
/// that a slow plugin is cut short and its log lines belong to the request's span.
pub fn app(plugin: LoomPlugin) -> Router {
    // The layer that is added last is the first to see a request.
    Router::new()
        .route("/api/test", get(hello))
        .layer(plugin)
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            Duration::from_secs(5),
        ))
        .layer(TraceLayer::new_for_http())
}

/// Says what the plugin wrote into the request.
async fn hello(headers: HeaderMap) -> String {
    let by = headers
        .get("x-processed-by")
        .and_then(|value| value.to_str().ok());
    format!("this request was processed by {}\n", by.unwrap_or("nobody"))
}
