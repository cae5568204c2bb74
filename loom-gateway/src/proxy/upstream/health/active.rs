//! Health checks.

use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::Body;
use futures_util::future::join_all;
use http::header::{HOST, HeaderValue, USER_AGENT};
use http::{Request, Uri};
use loom_config::model::{HealthCheck, HttpCheck, Protocol};
use tower::BoxError;

use super::super::jittered;
use super::super::servers::Servers;
use crate::errors::Chain;
use crate::proxy::pool::Endpoint;
use crate::proxy::rewrite;

/// Who asks, in the servers' logs.
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("loom/", env!("CARGO_PKG_VERSION"), " health-check"));

/// An answer that was not expected.
#[derive(Debug, thiserror::Error)]
#[error("answered {0}")]
struct WrongStatus(u16);

/// Checks the endpoints of `servers` from now on, as long as somebody keeps them.
pub(in crate::proxy::upstream) fn start(servers: &Arc<Servers>) {
    if let Some(check) = servers.settings().health_check.clone() {
        tokio::spawn(watch(Arc::downgrade(servers), check));
    }
}

async fn watch(servers: Weak<Servers>, check: HealthCheck) {
    let mut spread = Duration::ZERO;
    while let Some(servers) = servers.upgrade() {
        let endpoints = servers.all();
        let checks = endpoints.iter().map(|endpoint| {
            let servers = &servers;
            let check = &check;
            async move {
                tokio::time::sleep(spread.mul_f64(fastrand::f64())).await;
                let result = one(endpoint, check, servers.settings().protocol).await;
                servers.checked(endpoint, check, result);
            }
        });
        join_all(checks).await;
        drop(servers);
        tokio::time::sleep(jittered(check.interval)).await;
        // At the start everybody wants to know at once; later not all endpoints are asked at the same moment.
        spread = check.interval / 10;
    }
}

/// One check; an error says why the endpoint is not well.
async fn one(endpoint: &Endpoint, check: &HealthCheck, protocol: Protocol) -> Result<(), String> {
    let ask = ask(endpoint, check.http.as_ref(), protocol);
    match tokio::time::timeout(check.timeout, ask).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Chain(&*error).to_string()),
        Err(_) => Err(format!("no answer within {:?}", check.timeout)),
    }
}

async fn ask(
    endpoint: &Endpoint,
    http: Option<&HttpCheck>,
    protocol: Protocol,
) -> Result<(), BoxError> {
    let Some(http) = http else {
        return endpoint.reach(protocol).await;
    };
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = http.path.parse::<Uri>()?;
    let host = HeaderValue::from_str(endpoint.authority().as_str())?;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(USER_AGENT, AGENT);
    if protocol == Protocol::Http2 {
        rewrite::http2_request(&mut request, endpoint.scheme(), endpoint.authority());
    }
    let status = endpoint.ask(request, protocol).await?.status();
    let expected = if http.statuses.is_empty() {
        status.is_success()
    } else {
        http.statuses.contains(&status.as_u16())
    };
    if expected {
        Ok(())
    } else {
        Err(WrongStatus(status.as_u16()).into())
    }
}
