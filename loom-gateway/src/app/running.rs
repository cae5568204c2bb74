//! A gateway that runs, and its end.

use std::net::SocketAddr;
use std::sync::Arc;

use loom_config::model::{Config, Shutdown};
use tokio::time::{sleep, timeout};

use super::error::{ReloadError, StartError};
use super::listeners::Listeners;
use super::live::Live;
use super::readiness::Readiness;
use super::reload::{Reloaded, Reloader};
use crate::admin::AdminServer;
use crate::limits;
use crate::proxy::UpstreamStatus;

/// A gateway that serves its listeners. Dropped, it ends at once, with every request that is running.
#[derive(Debug)]
pub struct Running {
    live: Arc<Live>,
    /// To the very end, so that it can tell of that.
    admin: Option<AdminServer>,
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
    pub(super) fn start(live: Arc<Live>) -> Result<Self, StartError> {
        let admin = AdminServer::start(&Reloader::new(&live))?;
        Ok(Self { live, admin })
    }

    /// The listeners of IP addresses by name, with the addresses that they really have: where the configuration says port 0, the system
    /// chose one.
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        let addresses = self.live.with_listeners(Listeners::addresses);
        addresses.unwrap_or_default()
    }

    /// The address of the admin listener, if there is one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(AdminServer::address)
    }

    /// What the upstreams are doing, by their names.
    pub fn upstreams(&self) -> Vec<UpstreamStatus> {
        self.live.upstreams()
    }

    /// Puts another configuration in force, see [`Reloader`].
    ///
    /// # Errors
    ///
    /// When anything is wrong with what it names; everything is as it was then.
    pub async fn reload(&self, config: Config) -> Result<Reloaded, ReloadError> {
        self.live.apply(config).await
    }

    /// A handle that reloads this gateway.
    pub fn reloader(&self) -> Reloader {
        Reloader::new(&self.live)
    }

    /// How many different VMs of plugins there are, see [`LoomRuntime::vms`](loom_layer::LoomRuntime::vms).
    pub fn vms(&self) -> usize {
        self.live.vms()
    }

    /// Whether load balancers should send requests here; all copies tell the same.
    pub fn readiness(&self) -> Readiness {
        self.live.readiness().clone()
    }

    /// Is not ready any more, goes on for `shutdown.delay`, stops accepting, lets running requests finish for at most
    /// `shutdown.drain_timeout`, and ends.
    ///
    /// Clients learn of it: HTTP/1.1 responses say `connection: close`, HTTP/2 connections get a GOAWAY. Every few seconds
    /// the log says how many connections are left. Dropping the future ends everything at once.
    pub async fn shutdown(self) -> Drained {
        self.live.readiness().end();
        let Shutdown {
            delay,
            drain_timeout,
        } = self.live.config().shutdown;
        if !delay.is_zero() {
            tracing::info!(?delay, "not ready any more, still accepting");
            sleep(delay).await;
        }
        // From here on there is no reload.
        let Some(mut listeners) = self.live.take_listeners() else {
            return Drained::Complete;
        };
        listeners.start_drain();
        let drained = match timeout(drain_timeout, drain(&mut listeners)).await {
            Ok(()) => Drained::Complete,
            Err(_) => {
                let connections = listeners.open_connections();
                tracing::warn!(connections, "ended before their requests were answered");
                Drained::TimedOut
            }
        };
        drop(listeners);
        // Plugins without a route until then: requests may have read what they share with plugins on routes.
        self.live.clear().await;
        drained
    }
}

/// Waits until all connections have ended, and says from time to time how many there are.
async fn drain(listeners: &mut Listeners) {
    while timeout(limits::DRAIN_REPORTS, listeners.ended())
        .await
        .is_err()
    {
        let connections = listeners.open_connections();
        tracing::info!(connections, "waiting for the last requests");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.live.take_listeners());
    }
}
