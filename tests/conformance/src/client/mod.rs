//! The client: sends what a case says, and tells what came back.

mod http1;
mod http2;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

use crate::case::Request;

/// How long an answer is waited for unless the case says otherwise. Nothing that works takes so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a request and gives back the lines about its answer.
pub(crate) async fn exchange(address: SocketAddr, request: &Request) -> Vec<String> {
    let patience = request.patience.unwrap_or(PATIENCE);
    let patience = request.abort_after.unwrap_or(patience);
    let mut lines = Vec::new();
    let done = timeout(patience, async {
        if request.http == 2 {
            http2::exchange(address, request, &mut lines).await
        } else {
            Ok(http1::exchange(address, request, &mut lines).await?)
        }
    })
    .await;
    match done {
        Ok(Ok(())) => {}
        Ok(Err(error)) => lines.push(format!("  failed: {error}")),
        Err(_) if request.abort_after.is_some() => lines.push("  went away".to_owned()),
        Err(_) => lines.push("  no end of it".to_owned()),
    }
    lines
}
