//! The forms of HTTP's messages on both sides: what is kept, what one side has no words for.

mod expect;
mod halves;
mod lengths;
mod trailers;
mod versions;

use std::net::SocketAddr;

use super::support::{Raw, Upstream};

/// The response to this request behind a gateway whose upstream answers each connection with these bytes.
async fn answered(answer: &'static [u8], request: &str) -> String {
    let upstream = Upstream::bind().await.answer_and_close(answer);
    let gateway = super::support::start(&super::support::proxy_to(&[upstream])).await;
    Raw::exchange(super::support::address(&gateway), request).await
}

/// A route for every request, to a server of HTTP/2.
fn proxy_to_http2(server: SocketAddr) -> String {
    format!(
        "routes: [{{id: all, path: '/*', upstream: a}}]
upstreams: [{{name: a, endpoints: ['{server}'], protocol: http2}}]"
    )
}
