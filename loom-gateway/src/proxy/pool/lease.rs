//! An endpoint in use.

use std::ops::Deref;
use std::sync::Arc;

use super::endpoint::Endpoint;

/// One exchange with an endpoint, from the choice of it to the end of the response. Held by whoever the exchange depends
/// on: the request's future, then the response's body.
#[derive(Debug)]
pub(in crate::proxy) struct Lease {
    endpoint: Arc<Endpoint>,
}

impl Lease {
    pub(in crate::proxy) fn new(endpoint: Arc<Endpoint>) -> Self {
        endpoint.begin();
        Self { endpoint }
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
    }
}
