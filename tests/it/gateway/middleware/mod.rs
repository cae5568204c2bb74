//! What stands around a route's plugins.

pub(super) mod basic_auth;
pub(super) mod body_limit;
pub(super) mod compression;
pub(super) mod cors;
pub(super) mod jwt;
pub(super) mod networks;
pub(super) mod rate_limit;
mod upgrade;

use std::net::SocketAddr;

use super::support::Raw;

/// A route to the built-in echo, with these keys, and these of `defaults`.
fn echo(keys: &str, defaults: &str) -> String {
    format!(
        "defaults: {{{defaults}}}
routes: [{{id: all, path: '/*', upstream: echo, {keys}}}]
upstreams: [{{name: echo, builtin: echo}}]"
    )
}

/// What keys do, they do on a route and for all of them: a place for [`echo`] each.
fn everywhere(keys: &str) -> [(&str, &str); 2] {
    [(keys, ""), ("", keys)]
}

/// The whole response to a request on a connection of its own.
async fn exchange(address: SocketAddr, line: &str, headers: &str) -> String {
    let request = format!("{line} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n");
    Raw::exchange(address, &request).await
}

fn status(response: &str) -> &str {
    response.get(9..12).unwrap_or(response)
}

fn header<'a>(response: &'a str, name: &str) -> Option<&'a str> {
    let head = response.split("\r\n\r\n").next()?;
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}
