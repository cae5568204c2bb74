//! State that outlives a request and a VM: shared data, shared queues, metrics.
//!
//! Plain Rust behind one trait per kind, so that another store can stand behind it. Guests call it in the middle of a
//! callback, with their VM locked: a store answers at once and never waits for a network.

mod data;
mod metric_ids;
mod metrics;
mod queues;
mod snapshot;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

pub(crate) use data::{DataRefused, DataStore, MemoryData};
pub(crate) use metric_ids::MetricIds;
pub(crate) use metrics::{MemoryMetrics, MetricKind, MetricStore};
pub(crate) use queues::{EnqueueRefused, MemoryQueues, QueueReader, QueueStore, UnknownQueue};
pub use snapshot::{Histogram, Metric, MetricValue};

/// The stores of one runtime.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) data: Box<dyn DataStore>,
    pub(crate) queues: Box<dyn QueueStore>,
    pub(crate) metrics: Box<dyn MetricStore>,
    /// How many VMs use a vm_id.
    users: Mutex<HashMap<Arc<str>, usize>>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            data: Box::new(MemoryData::default()),
            queues: Box::new(MemoryQueues::default()),
            metrics: Box::new(MemoryMetrics::default()),
            users: Mutex::default(),
        }
    }
}

impl Shared {
    /// Keeps the data and queues of a vm_id for as long as the lease, and all others of the same vm_id, exist.
    pub(crate) fn lease(self: &Arc<Self>, vm_id: &Arc<str>) -> Lease {
        *self.users.lock().entry(Arc::clone(vm_id)).or_default() += 1;
        Lease {
            shared: Arc::clone(self),
            vm_id: Arc::clone(vm_id),
        }
    }
}

/// See [`Shared::lease`].
#[derive(Debug)]
pub(crate) struct Lease {
    shared: Arc<Shared>,
    vm_id: Arc<str>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Held to the end, so that a new lease does not lose what it writes.
        let mut users = self.shared.users.lock();
        if let Some(count) = users.get_mut(&self.vm_id) {
            *count -= 1;
            if *count == 0 {
                users.remove(&self.vm_id);
                self.shared.data.forget(&self.vm_id);
                self.shared.queues.forget(&self.vm_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_vm_id_is_forgotten_with_its_last_user() {
        let shared = Arc::new(Shared::default());
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let leases = [shared.lease(&a), shared.lease(&a), shared.lease(&b)];
        for vm_id in [&a, &b] {
            let stored = shared.data.set(vm_id, b"key", Bytes::from("value"), 0);
            stored.expect("there is room");
        }
        let [first, second, _other] = leases;
        drop(first);
        assert!(shared.data.get(&a, b"key").is_some());
        drop(second);
        assert!(shared.data.get(&a, b"key").is_none());
        assert!(shared.data.get(&b, b"key").is_some());
    }
}
