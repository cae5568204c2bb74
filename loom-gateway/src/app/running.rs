//! A gateway that runs, and its end.

use std::net::SocketAddr;
use std::time::Duration;

use loom_config::model::Config;
use loom_layer::PluginService;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::assemble::Assembled;
use super::error::StartError;
use crate::listener::{self, Bound, Drain};

/// A gateway that serves its listeners. Dropped, it ends at once, with every request that is running.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<(String, SocketAddr)>,
    listeners: JoinSet<()>,
    /// The plugins without a route; they run as long as this does.
    services: Vec<PluginService>,
    drain: Drain,
    drain_timeout: Duration,
}

/// How a shutdown went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Drained {
    /// Every request was answered.
    Complete,
    /// `shutdown.drain_timeout` was over and what still ran was ended.
    TimedOut,
}

impl Running {
    pub(super) fn start(config: Config, assembled: Assembled) -> Result<Self, StartError> {
        let bound = config
            .listeners
            .iter()
            .map(Bound::bind)
            .collect::<Result<Vec<_>, _>>()?;
        let mut running = Self {
            addresses: Vec::with_capacity(bound.len()),
            listeners: JoinSet::new(),
            services: assembled.services,
            drain: Drain::default(),
            drain_timeout: config.shutdown.drain_timeout,
        };
        for upstream in &assembled.upstreams {
            upstream.start();
        }
        for ((listener, bound), router) in config
            .listeners
            .into_iter()
            .zip(bound)
            .zip(assembled.listeners)
        {
            tracing::info!(listener = listener.name, address = %bound.address, "listening");
            running
                .addresses
                .push((listener.name.clone(), bound.address));
            running.listeners.spawn(listener::serve(
                bound,
                listener,
                router,
                running.drain.clone(),
            ));
        }
        Ok(running)
    }

    /// The listeners by name, with the addresses that they really have: where the configuration says port 0, the system
    /// chose one.
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// Stops accepting, lets running requests finish for at most `shutdown.drain_timeout`, and ends.
    ///
    /// Clients learn of it: HTTP/1.1 responses say `connection: close`, HTTP/2 connections get a GOAWAY. Dropping the
    /// future ends everything at once.
    pub async fn shutdown(mut self) -> Drained {
        self.drain.start();
        let all = async { while self.listeners.join_next().await.is_some() {} };
        let drained = match timeout(self.drain_timeout, all).await {
            Ok(()) => Drained::Complete,
            Err(_) => Drained::TimedOut,
        };
        // Until then requests may have read what they share with plugins on routes.
        drop(self.services);
        drained
    }
}
