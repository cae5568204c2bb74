//! What the admin listener answers.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode, Uri};
use serde_json::{Value, json};

use super::{Admin, show};
use crate::inspect::Table;
use crate::logging;
use crate::metrics;

type Shared = State<Arc<Admin>>;

/// A page for people, with a line for each of the others.
pub(super) async fn index() -> Response<Body> {
    answer(
        StatusCode::OK,
        "text/html; charset=utf-8",
        include_str!("index.html"),
    )
}

/// The process works: it answers.
pub(super) async fn health() -> Response<Body> {
    plain(StatusCode::OK, "ok")
}

/// The gateway takes requests. It does not any more when it shuts down.
pub(super) async fn ready(State(admin): Shared) -> Response<Body> {
    if admin.gateway.readiness().is_ready() {
        plain(StatusCode::OK, "ok")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "shutting down")
    }
}

/// The format of Prometheus, version 0.0.4.
pub(super) async fn metrics(State(admin): Shared) -> Response<Body> {
    let shown = admin.gateway.shown();
    let runtime = &admin.gateway.host().runtime;
    let text = metrics::expose(&admin.metrics, runtime, &shown, &admin.gateway.stats());
    match text {
        Ok(text) => answer(
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            text,
        ),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// The file as it was understood, without secrets.
pub(super) async fn config(State(admin): Shared) -> Response<Body> {
    json(admin.gateway.config().document.json())
}

pub(super) async fn plugins(State(admin): Shared) -> Response<Body> {
    json(&show::plugins(&admin.gateway))
}

pub(super) async fn upstreams(State(admin): Shared) -> Response<Body> {
    json(&show::upstreams(&admin.gateway.shown()))
}

pub(super) async fn routes(State(admin): Shared) -> Response<Body> {
    json(&Table::new(&admin.gateway.config()).json())
}

pub(super) async fn certificates(State(admin): Shared) -> Response<Body> {
    json(&show::certificates(&admin.gateway.shown()))
}

/// Reads the configuration again. What is wrong with it is the answer, and everything stays as it was.
pub(super) async fn reload(State(admin): Shared) -> Response<Body> {
    let gateway = admin.gateway.clone();
    // It goes on when whoever asked for it is gone.
    match tokio::spawn(async move { gateway.reload().await }).await {
        Ok(Ok(reloaded)) => json(&show::reloaded(&reloaded)),
        Ok(Err(error)) => plain(StatusCode::CONFLICT, error.to_string()),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// The level of the log now.
pub(super) async fn log() -> Response<Body> {
    match logging::level() {
        Some(level) => json(&json!({ "level": level })),
        None => plain(StatusCode::CONFLICT, NO_LOG),
    }
}

/// Another level: `?level=debug`. It holds until the next start; plugins keep the levels that they have.
pub(super) async fn set_log(uri: Uri) -> Response<Body> {
    const USAGE: &str = "write ?level=trace, debug, info, warn or error";
    let mut parameters = uri.query().unwrap_or_default().split('&');
    let level = parameters.find_map(|parameter| parameter.strip_prefix("level="));
    let Some(level) = level.and_then(logging::named) else {
        return plain(StatusCode::BAD_REQUEST, USAGE);
    };
    if !logging::set_level(level) {
        return plain(StatusCode::CONFLICT, NO_LOG);
    }
    log().await
}

const NO_LOG: &str = "this gateway runs in a program that has a log of its own";

fn json(value: &Value) -> Response<Body> {
    answer(StatusCode::OK, "application/json", format!("{value:#}\n"))
}

pub(super) fn plain(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    answer(status, "text/plain; charset=utf-8", text.into() + "\n")
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
