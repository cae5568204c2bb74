//! An endpoint in use.

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::condition::Admission;
use super::endpoint::Endpoint;

/// A place among the connections of an upstream, where those are limited.
pub(in crate::proxy) type Permit = Option<OwnedSemaphorePermit>;

/// One exchange with an endpoint, from the choice of it to the end of the response. Held by whoever the exchange depends
/// on: the request's future, then the response's body.
#[derive(Debug)]
pub(in crate::proxy) struct Lease {
    endpoint: Arc<Endpoint>,
    admission: Admission,
    _permit: Permit,
}

impl Lease {
    pub(in crate::proxy) fn new(
        endpoint: Arc<Endpoint>,
        admission: Admission,
        permit: Permit,
    ) -> Self {
        endpoint.begin();
        Self {
            endpoint,
            admission,
            _permit: permit,
        }
    }
}

impl Deref for Lease {
    type Target = Arc<Endpoint>;

    fn deref(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.endpoint.end();
        if self.admission == Admission::Trial {
            self.endpoint.condition().trial_ended();
        }
    }
}
