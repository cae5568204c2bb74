//! What the gateway counts, and how Prometheus reads it.
//!
//! Whoever counts holds its counters since it was built: on the way of a request nothing is looked up, locked, formatted or
//! waited for. A gateway without `admin` has none of this.

mod certificates;
mod connections;
mod expose;
mod failures;
mod guests;
mod pools;
mod traffic;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

pub(crate) use connections::Connections;
pub(crate) use expose::expose;
pub(crate) use failures::show_failures;
pub(crate) use traffic::Traffic;
pub(crate) use watch::{WatchLayer, Watched, Watching};

use failures::Failures;

/// All counters. They live as long as the process: a route that a new configuration has too goes on counting.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    routes: Mutex<BTreeMap<String, Arc<Traffic>>>,
    upstreams: Mutex<BTreeMap<String, Arc<Traffic>>>,
    listeners: Mutex<BTreeMap<String, Arc<Connections>>>,
    failures: Arc<Failures>,
}

impl Metrics {
    /// The counters of a route.
    pub(crate) fn route(&self, id: &str) -> Arc<Traffic> {
        counters(&self.routes, id)
    }

    /// The counters of an upstream.
    pub(crate) fn upstream(&self, name: &str) -> Arc<Traffic> {
        counters(&self.upstreams, name)
    }

    /// The counters of a listener.
    pub(crate) fn listener(&self, name: &str) -> Arc<Connections> {
        counters(&self.listeners, name)
    }
}

/// The counters of this name. Those that nobody counts with any more are forgotten, so that labels do not pile up.
fn counters<T: Default>(all: &Mutex<BTreeMap<String, Arc<T>>>, name: &str) -> Arc<T> {
    let mut all = all.lock();
    all.retain(|other, counters| other == name || Arc::strong_count(counters) > 1);
    Arc::clone(all.entry(name.to_owned()).or_default())
}
