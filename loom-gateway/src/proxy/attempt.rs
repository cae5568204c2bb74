//! One try: a request goes to one endpoint of an upstream.

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request, Response};
use loom_config::model::Protocol;
use tokio::time::timeout;

use super::pool::{Lease, Report, SendError, send, send_http2};
use super::upstream::Servers;
use super::{framing, rewrite};
use crate::upgrade;

/// Sends a request to the endpoint that was chosen for it, in the form of this protocol. It is taken out of its place when it
/// goes: each future on the way there would have room for a request of its own.
pub(super) async fn attempt(
    servers: &Arc<Servers>,
    lease: Lease,
    request: &mut Request<Body>,
    protocol: Protocol,
    mut report: Option<&mut Report>,
) -> Result<Response<Body>, SendError> {
    if let Some(report) = &mut report {
        report.begin(request, &lease);
    }
    let settings = servers.settings();
    let detection = settings.outlier_detection.as_ref();
    let watched = detection.map(|detection| (detection, Arc::clone(&lease)));
    let result = match settings.timeouts.per_try {
        None => exchange(lease, request, protocol, report.as_deref_mut()).await,
        Some(limit) => {
            let exchange = exchange(lease, request, protocol, report.as_deref_mut());
            // In a place of its own: every request would carry the room for a timer.
            match Box::pin(timeout(limit, exchange)).await {
                Ok(result) => result,
                Err(_) => Err(SendError::Timeout(limit)),
            }
        }
    };
    if let Some(report) = report {
        report.end(&result);
    }
    if let Some((detection, endpoint)) = watched
        && let Some(succeeded) = tells(&result)
    {
        servers.note(&endpoint, detection, succeeded);
    }
    result
}

async fn exchange(
    lease: Lease,
    request: &mut Request<Body>,
    protocol: Protocol,
    report: Option<&mut Report>,
) -> Result<Response<Body>, SendError> {
    if request.method() == Method::CONNECT {
        // No client's, since those are refused: a plugin made it.
        return Err(SendError::Tunnel);
    }
    match protocol {
        Protocol::Http1 => {
            if rewrite::request(request, lease.authority()) {
                return Box::pin(switch(lease, request, report)).await;
            }
            upgrade::give_up(request);
            framing::request(request);
            let response = send(lease, request, report).await?;
            if upgrade::is_switched(&response) {
                return Err(SendError::Switch);
            }
            Ok(response)
        }
        Protocol::Http2 => {
            rewrite::http2_request(request, lease.scheme(), lease.authority());
            upgrade::give_up(request);
            framing::http2_request(request);
            // As above: most requests are of the other kind.
            Box::pin(send_http2(lease, request, report)).await
        }
    }
}

/// Sends a request that asks for an upgrade, and joins both sides when the endpoint agrees.
async fn switch(
    lease: Lease,
    request: &mut Request<Body>,
    report: Option<&mut Report>,
) -> Result<Response<Body>, SendError> {
    let waiting = upgrade::Waiting::part(request);
    framing::request(request);
    let response = send(lease, request, report).await?;
    waiting.join(response).await.ok_or(SendError::Switch)
}

/// What a result says of the endpoint: nothing when it was the client who failed.
fn tells(result: &Result<Response<Body>, SendError>) -> Option<bool> {
    match result {
        Ok(response) => Some(!response.status().is_server_error()),
        Err(SendError::Exchange(error)) if error.is_user() => None,
        Err(_) => Some(false),
    }
}
