//! The endpoints of an upstream, and the pool of connections to them.

use std::net::Ipv6Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use http::uri::Authority;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use loom_config::model::Endpoint;

use super::connector::Connector;
use crate::limits;

/// HTTP/1.1 servers, used in turn over kept connections.
#[derive(Debug)]
pub(super) struct Pool {
    client: Client<Connector, Body>,
    endpoints: Box<[Authority]>,
    next: AtomicUsize,
}

impl Pool {
    pub(super) fn new(
        endpoints: &[Endpoint],
        connect_timeout: Duration,
        idle_timeout: Duration,
    ) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(idle_timeout)
            .pool_max_idle_per_host(limits::POOL_IDLE_CONNECTIONS)
            .http1_max_buf_size(limits::UPSTREAM_HEADER_BYTES)
            // A kept connection may be dead. When it is found to be before anything of a request went out, the request
            // goes to another one; never when something may have reached the server.
            .retry_canceled_requests(true)
            // A request always has one by then.
            .set_host(false)
            .build(Connector::new(connect_timeout));
        Self {
            client,
            endpoints: endpoints.iter().filter_map(authority).collect(),
            next: AtomicUsize::new(0),
        }
    }

    pub(super) fn client(&self) -> &Client<Connector, Body> {
        &self.client
    }

    /// The endpoint whose turn it is.
    pub(super) fn next(&self) -> Option<&Authority> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.endpoints.get(turn.checked_rem(self.endpoints.len())?)
    }
}

fn authority(endpoint: &Endpoint) -> Option<Authority> {
    let Endpoint { host, port } = endpoint;
    let text = match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]:{port}"),
        Err(_) => format!("{host}:{port}"),
    };
    let authority = Authority::try_from(text);
    if authority.is_err() {
        tracing::error!(host, port, "endpoint is left out: this is no host");
    }
    authority.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(hosts: &[(&str, u16)]) -> Pool {
        let endpoints: Vec<_> = hosts
            .iter()
            .map(|&(host, port)| Endpoint {
                host: host.to_owned(),
                port,
            })
            .collect();
        Pool::new(&endpoints, Duration::from_secs(1), Duration::from_secs(1))
    }

    #[test]
    fn endpoints_take_turns() {
        let pool = pool(&[("127.0.0.1", 1), ("::1", 2), ("backend.internal", 3)]);
        let turns: Vec<_> = (0..4)
            .filter_map(|_| pool.next().map(Authority::as_str))
            .collect();
        assert_eq!(
            turns,
            [
                "127.0.0.1:1",
                "[::1]:2",
                "backend.internal:3",
                "127.0.0.1:1"
            ]
        );
    }

    #[test]
    fn no_endpoint_is_no_panic() {
        assert_eq!(pool(&[("not a host", 1)]).next(), None);
    }
}
