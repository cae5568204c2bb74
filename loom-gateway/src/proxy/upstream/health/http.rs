//! Health checks by a request of HTTP.

use axum::body::Body;
use http::header::{HOST, HeaderValue, USER_AGENT};
use http::{Request, Uri};
use loom_config::model::{HttpCheck, Protocol};
use tower::BoxError;

use super::AGENT;
use crate::proxy::pool::Endpoint;
use crate::proxy::rewrite;

/// An answer that was not expected.
#[derive(Debug, thiserror::Error)]
#[error("answered {0}")]
struct WrongStatus(u16);

/// Asks; an error says why the endpoint is not well.
pub(super) async fn ask(
    endpoint: &Endpoint,
    check: &HttpCheck,
    protocol: Protocol,
) -> Result<(), BoxError> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = check.path.parse::<Uri>()?;
    let host = HeaderValue::from_str(endpoint.authority().as_str())?;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(USER_AGENT, AGENT);
    if protocol == Protocol::Http2 {
        rewrite::http2_request(&mut request, endpoint.scheme(), endpoint.authority());
    }
    let status = endpoint.ask(request, protocol).await?.status();
    let expected = if check.statuses.is_empty() {
        status.is_success()
    } else {
        check.statuses.contains(&status.as_u16())
    };
    if expected {
        Ok(())
    } else {
        Err(WrongStatus(status.as_u16()).into())
    }
}
