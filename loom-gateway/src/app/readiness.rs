//! Whether the gateway wants requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells load balancers whether the gateway wants requests: from its start until its shutdown begins, which is before it
/// stops accepting. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Readiness {
    ready: Arc<AtomicBool>,
}

impl Readiness {
    pub(super) fn ready() -> Self {
        Self {
            ready: Arc::new(AtomicBool::new(true)),
        }
    }

    /// Whether it does.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        self.ready.store(false, Ordering::Release);
    }
}
