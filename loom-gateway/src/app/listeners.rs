//! The listeners that run, and how they become those of another configuration.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use loom_config::model::{Address, Config, Listener};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use crate::listener::{self, BindError, Bound, Drain, Served, Site};

/// See the module's text. Dropped, it ends them at once.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    active: Vec<Active>,
    /// Those that the configuration does not have any more, while connections are left.
    leaving: Vec<Weak<Site>>,
    /// Of both.
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Active {
    name: String,
    /// As the configuration has it.
    configured: Address,
    /// As it is.
    address: Address,
    site: Arc<Site>,
    drain: Drain,
    task: AbortHandle,
}

impl Active {
    /// Whether this is the socket that `wanted` asks for. Another name is no other socket, unless each asks for any free
    /// port.
    fn is(&self, wanted: &Listener) -> bool {
        self.configured == wanted.address
            && (!wanted.address.is_any_port() || self.name == wanted.name)
    }
}

/// How many listeners met which fate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Switched {
    pub(super) kept: usize,
    pub(super) opened: usize,
    pub(super) closed: usize,
}

impl Listeners {
    /// Serves the listeners of `config`, of which `served` says what each does: what is new is opened, what stays goes on with
    /// its socket and its connections, what is gone stops accepting and gets `drain_timeout` to end.
    ///
    /// When an address cannot be taken, nothing has changed.
    pub(super) fn switch(
        &mut self,
        config: &Config,
        served: Vec<Served>,
    ) -> Result<Switched, BindError> {
        let is_there = |wanted: &&Listener| self.active.iter().any(|active| active.is(wanted));
        let new = config.listeners.iter().filter(|wanted| !is_there(wanted));
        let bound: Vec<Bound> = new.map(Bound::bind).collect::<Result<_, _>>()?;

        let opened = bound.len();
        let mut bound = bound.into_iter();
        let mut before = std::mem::take(&mut self.active);
        for (wanted, served) in config.listeners.iter().zip(served) {
            if let Some(place) = before.iter().position(|active| active.is(wanted)) {
                let mut active = before.swap_remove(place);
                active.name.clone_from(&wanted.name);
                active.site.replace(served);
                self.active.push(active);
            } else if let Some(bound) = bound.next() {
                self.open(wanted, bound, served);
            }
        }
        let switched = Switched {
            kept: self.active.len() - opened,
            opened,
            closed: before.len(),
        };
        self.leaving.retain(|site| site.strong_count() > 0);
        for active in before {
            self.leaving.push(Arc::downgrade(&active.site));
            leave(active, config.shutdown.drain_timeout);
        }
        // What has ended would stay in the set.
        while self.tasks.try_join_next().is_some() {}
        Ok(switched)
    }

    fn open(&mut self, listener: &Listener, bound: Bound, served: Served) {
        let address = bound.address.clone();
        let tls = served.tls.is_some().then_some(true);
        tracing::info!(listener = listener.name, tls, %address, "listening");
        let site = Site::new(served);
        let drain = Drain::default();
        let serving = listener::serve(
            bound,
            listener.name.clone(),
            Arc::clone(&site),
            drain.clone(),
        );
        self.active.push(Active {
            name: listener.name.clone(),
            configured: listener.address.clone(),
            address,
            site,
            drain,
            task: self.tasks.spawn(serving),
        });
    }

    /// The names of those that have an IP address, with the one that they really have, in the order of the configuration.
    pub(super) fn addresses(&self) -> Vec<(String, SocketAddr)> {
        let active = self.active.iter();
        let ip = active.filter_map(|active| Some((active.name.clone(), active.address.ip()?)));
        ip.collect()
    }

    /// Stops accepting, and tells clients.
    pub(super) fn start_drain(&self) {
        for active in &self.active {
            active.drain.start();
        }
    }

    /// Open connections, also those of listeners that are leaving.
    pub(super) fn open_connections(&self) -> usize {
        let active = self.active.iter().map(|active| active.site.open());
        let leaving = self.leaving.iter().filter_map(Weak::upgrade);
        active.chain(leaving.map(|site| site.open())).sum()
    }

    /// Waits until each of them has ended.
    pub(super) async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Lets a listener end that the configuration does not have any more.
fn leave(active: Active, timeout: Duration) {
    tracing::info!(listener = active.name, address = %active.address, "closing");
    active.drain.start();
    let task = active.task;
    tokio::spawn(async move {
        sleep(timeout).await;
        // When it has ended already, this does nothing.
        task.abort();
    });
}
