//! Which row of the error table an upstream's error belongs to, and the response that comes of it.

use std::error::Error;
use std::io;

use axum::body::Body;
use http::Response;
use loom_layer::{UpstreamFailure, UpstreamTls};

use super::pool::{ConnectTimeout, Report, SendError, TlsError, UnknownName};
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
            Failure::Unreachable
            | Failure::UnknownName
            | Failure::ConnectTimeout
            | Failure::Certificate
            | Failure::Tls => info.failure(UpstreamFailure::Connect),
            Failure::Closed | Failure::Reset => info.failure(UpstreamFailure::Closed),
            Failure::InvalidResponse | Failure::HeadTooLarge => {
                info.failure(UpstreamFailure::Protocol)
            }
            Failure::Overloaded => info.failure(UpstreamFailure::Overflow),
            Failure::TryTimeout => info.failure(UpstreamFailure::TryTimeout),
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
        SendError::Connect(cause) if has::<UnknownName>(&**cause) => Failure::UnknownName,
        SendError::Connect(cause) => tls(&**cause).unwrap_or(Failure::Unreachable),
        // The body that we sent on ended in an error, and that body is the client's.
        SendError::Exchange(error) if error.is_user() => Failure::RequestBody,
        SendError::Exchange(error) if error.is_parse_too_large() => Failure::HeadTooLarge,
        SendError::Exchange(error) if error.is_parse() => Failure::InvalidResponse,
        SendError::Misframed(_) | SendError::Switch => Failure::InvalidResponse,
        SendError::Exchange(error) | SendError::Unsent(error) => {
            // With TLS 1.3 a server refuses the gateway's certificate only when the gateway reads.
            tls(error).unwrap_or_else(|| broken_off(error))
        }
        SendError::Tunnel => Failure::Tunnel,
        SendError::Timeout(_) => Failure::TryTimeout,
        SendError::NoEndpoint => Failure::NoEndpoint,
        SendError::Overloaded => Failure::Overloaded,
    }
}

/// How an exchange ended of which no head has come.
fn broken_off(error: &hyper::Error) -> Failure {
    let http2 = error.source().and_then(<dyn Error>::downcast_ref);
    match http2 {
        Some::<&h2::Error>(error) if error.is_reset() && error.is_remote() => Failure::Reset,
        // What came broke the rules of HTTP/2.
        Some(error) if error.is_library() => Failure::InvalidResponse,
        _ => Failure::Closed,
    }
}

fn has<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.any(<dyn Error>::is::<E>)
}

/// What TLS had against a connection, if it is that.
fn tls(error: &(dyn Error + 'static)) -> Option<Failure> {
    match UpstreamTls::error_in(error) {
        Some(rustls::Error::InvalidCertificate(_)) => Some(Failure::Certificate),
        Some(_) => Some(Failure::Tls),
        // The connection ended in the middle of the handshake.
        None => has::<TlsError>(error).then_some(Failure::Tls),
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
