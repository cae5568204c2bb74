//! The number of a request.

use http::Request;
use http::header::{HeaderName, HeaderValue};
use tower_http::request_id::{MakeRequestId, RequestId};
use uuid::Builder;
use uuid::fmt::Hyphenated;

/// Where it stands, in the request to the upstream and in the response to the client.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Makes a random UUID. It tells requests apart and keeps no secret, so that a fast generator is enough.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RandomId;

impl MakeRequestId for RandomId {
    fn make_request_id<B>(&mut self, _request: &Request<B>) -> Option<RequestId> {
        let id = Builder::from_random_bytes(fastrand::u128(..).to_ne_bytes()).into_uuid();
        let mut text = [0; Hyphenated::LENGTH];
        let text = id.hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(text).ok().map(RequestId::new)
    }
}

/// Removes what a client sent in its place.
pub(super) fn forget<B>(mut request: Request<B>) -> Request<B> {
    request.headers_mut().remove(X_REQUEST_ID);
    request
}
