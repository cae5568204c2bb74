//! Which row of the error table an upstream's error belongs to, and the response that comes of it.

use std::error::Error;
use std::io;

use axum::body::Body;
use http::Response;
use loom_layer::UpstreamFailure;

use super::pool::{ConnectTimeout, Report, SendError};
use crate::errors::Failure;

/// The response that a failure becomes, with what plugins may ask about it.
pub(super) fn respond(
    failure: Failure,
    upstream: &str,
    cause: Option<&(dyn Error + 'static)>,
    report: Option<Report>,
) -> Response<Body> {
    let mut response = failure.respond(upstream, cause);
    if let Some(report) = report {
        let info = report.into_info();
        let info = match failure {
            Failure::NoEndpoint => info.failure(UpstreamFailure::NoEndpoint),
            Failure::Unreachable | Failure::ConnectTimeout => {
                info.failure(UpstreamFailure::Connect)
            }
            Failure::Closed => info.failure(UpstreamFailure::Closed),
            Failure::InvalidResponse => info.failure(UpstreamFailure::Protocol),
            _ => info,
        };
        response.extensions_mut().insert(info);
    }
    response
}

/// What an error means to whoever sent the request.
pub(super) fn classify(error: &SendError) -> Failure {
    match error {
        SendError::Connect(cause) if is_timeout(&**cause) => Failure::ConnectTimeout,
        SendError::Connect(_) => Failure::Unreachable,
        // The body that we sent on ended in an error, and that body is the client's.
        SendError::Exchange(error) if error.is_user() => Failure::RequestBody,
        SendError::Exchange(error) if error.is_parse() => Failure::InvalidResponse,
        SendError::Switch => Failure::InvalidResponse,
        SendError::Unsent(_) | SendError::Exchange(_) => Failure::Closed,
        SendError::Timeout(_) => Failure::TryTimeout,
        SendError::NoEndpoint => Failure::NoEndpoint,
        SendError::Overloaded => Failure::Overloaded,
    }
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.any(|cause| {
        cause.is::<ConnectTimeout>()
            || cause
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    })
}
