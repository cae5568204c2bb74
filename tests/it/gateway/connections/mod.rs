//! What a listener bounds.

pub(super) mod cuts;
pub(super) mod heads;
pub(super) mod http2;
pub(super) mod lives;
pub(super) mod places;
pub(super) mod unread;

use std::net::SocketAddr;

use super::admin::ADMIN;

/// A gateway with these limits before this upstream.
fn listener(limits: &str, upstream: SocketAddr) -> String {
    format!(
        "{ADMIN}listeners: [{{name: web, address: '127.0.0.1:0', limits: {{{limits}}}}}]
routes: [{{id: all, path: '/*', upstream: a}}]
upstreams: [{{name: a, endpoints: ['{upstream}']}}]"
    )
}

/// The series that counts why responses were cut.
pub(super) fn cut(code: &str) -> String {
    format!(r#"loom_responses_cut_total{{listener="web",code="{code}"}}"#)
}

/// The series that counts why connections were ended.
fn ended(code: &str) -> String {
    format!(r#"loom_connections_ended_total{{listener="web",code="{code}"}}"#)
}
