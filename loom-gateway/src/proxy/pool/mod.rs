//! The servers of an upstream, used in turn, and the connections to them that are kept.
//!
//! The pool is the gateway's own, on hyper's connections. hyper-util's `Client` sends a request on a kept connection
//! that the server has closed whenever its task has not yet had a turn to notice, and the client gets a 502 for it; it
//! also starts a task per response to wait for the end of its body. Here the body itself brings the connection back, and
//! one that was unused for a while is looked at, and its request kept, before it is trusted.

mod body;
mod connector;
mod endpoint;
mod exchange;
mod http2;
mod idle;
mod report;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use loom_config::model;

pub(super) use connector::ConnectTimeout;
pub(super) use endpoint::Endpoint;
pub(super) use exchange::{SendError, send};
pub(super) use report::Report;

/// Servers, used in turn.
#[derive(Debug)]
pub(super) struct Pool {
    endpoints: Box<[Arc<Endpoint>]>,
    next: AtomicUsize,
}

impl Pool {
    pub(super) fn new(
        endpoints: &[model::Endpoint],
        connect_timeout: Duration,
        idle_timeout: Duration,
    ) -> Self {
        let endpoints = endpoints
            .iter()
            .filter_map(|endpoint| Endpoint::new(endpoint, connect_timeout, idle_timeout));
        Self {
            endpoints: endpoints.map(Arc::new).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// A report about one request.
    pub(super) fn report(&self) -> Report {
        Report::new(self.endpoints.len())
    }

    /// The endpoint whose turn it is.
    pub(super) fn next(&self) -> Option<&Arc<Endpoint>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.endpoints.get(turn.checked_rem(self.endpoints.len())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(hosts: &[(&str, u16)]) -> Pool {
        let endpoint = |&(host, port): &(&str, u16)| model::Endpoint {
            host: host.to_owned(),
            port,
        };
        let endpoints: Vec<_> = hosts.iter().map(endpoint).collect();
        Pool::new(&endpoints, Duration::from_secs(1), Duration::from_secs(1))
    }

    #[test]
    fn endpoints_take_turns() {
        let pool = pool(&[("127.0.0.1", 1), ("::1", 2), ("backend.internal", 3)]);
        let next = || pool.next().map(|endpoint| endpoint.authority().as_str());
        let turns: Vec<_> = (0..4).filter_map(|_| next()).collect();
        let [a, b, c] = ["127.0.0.1:1", "[::1]:2", "backend.internal:3"];
        assert_eq!(turns, [a, b, c, a]);
    }

    #[test]
    fn no_endpoint_is_no_panic() {
        assert!(pool(&[("not a host", 1)]).next().is_none());
    }
}
