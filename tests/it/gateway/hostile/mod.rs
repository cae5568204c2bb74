//! Clients that mean harm. Each test looks at both ends: what the client is told, and what the upstream received.

mod floods;
mod framing;
mod headers;
mod hosts;
mod http2;
mod plugins;
mod recorder;
mod slow;
pub(super) mod slow_bodies;
mod syntax;
pub(super) mod windows;

use loom_gateway::Running;

use super::support::{Raw, address, panics, proxy_to, start};
use recorder::Recorder;

/// An ordinary request, after which the gateway closes.
const LAST: &str = "GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// What upstreams get of [`LAST`].
const LAST_SEEN: &str = "GET /last";

/// A gateway in front of an upstream that writes everything down.
struct Scene {
    gateway: Running,
    upstream: Recorder,
}

impl Scene {
    async fn new() -> Self {
        let upstream = Recorder::start().await;
        let gateway = start(&proxy_to(&[upstream.address])).await;
        Self { gateway, upstream }
    }

    /// The statuses of what comes back for these bytes, until the gateway closes.
    async fn send(&self, bytes: impl AsRef<[u8]>) -> Vec<u16> {
        let mut raw = Raw::connect(address(&self.gateway)).await;
        raw.send(bytes).await;
        statuses(&raw.rest().await)
    }
}

/// The statuses of these responses.
fn statuses(responses: &str) -> Vec<u16> {
    let mut found = Vec::new();
    for rest in responses.split("HTTP/1.").skip(1) {
        found.extend(rest.get(2..5).and_then(|status| status.parse::<u16>().ok()));
    }
    found
}

/// Sends these bytes and after them, at once, an ordinary request. Both ends have to see this. Nothing may panic.
async fn expect(bytes: impl AsRef<[u8]>, client: &[u16], upstream: &[&str]) {
    let bytes = bytes.as_ref();
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
    let scene = Scene::new().await;
    let got = scene.send([bytes, LAST.as_bytes()].concat()).await;
    assert_eq!(got, client, "to the client, for {shown:?}");
    // Whatever reached the upstream late has reached it before this.
    assert_eq!(scene.send(LAST).await, [200], "after {shown:?}");
    let mut seen = scene.upstream.summaries();
    assert_eq!(seen.pop().as_deref(), Some(LAST_SEEN), "after {shown:?}");
    assert_eq!(seen, upstream, "to the upstream, for {shown:?}");
    panics::assert_none();
}

/// A message that is refused, and ends its connection.
async fn refused(bytes: impl AsRef<[u8]>, status: u16) {
    expect(bytes, &[status], &[]).await;
}
