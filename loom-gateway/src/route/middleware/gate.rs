//! What lets a request pass, or answers it, at once.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};
use tower_http::validate_request::ValidateRequest;

/// Decides about requests by their heads.
pub(super) trait Check {
    /// The answer to a request that does not pass.
    fn refuse(&self, request: &mut Request<Body>) -> Option<Response<Body>>;
}

/// A check as tower-http's layer takes it; none lets everything pass.
#[derive(Debug)]
pub(super) struct Gate<C>(Option<Arc<C>>);

impl<C> Gate<C> {
    pub(super) fn new(check: Option<&Arc<C>>) -> Self {
        Self(check.map(Arc::clone))
    }
}

impl<C> Clone for Gate<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: Check> ValidateRequest<Body> for Gate<C> {
    type ResponseBody = Body;

    fn validate(&mut self, request: &mut Request<Body>) -> Result<(), Response<Body>> {
        let refused = self.0.as_ref().and_then(|check| check.refuse(request));
        refused.map_or(Ok(()), Err)
    }
}
