//! The one table that turns what went wrong into a response.
//!
//! A client learns the status and a plain reason, never an address or a library's text; those are in the log, in the
//! line that is written here too.

use std::error::Error;
use std::fmt;

use axum::body::Body;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

/// What can go wrong with a request before an upstream's or a plugin's own response is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// HTTP/1.1 without a `Host`, or with one that cannot be right (RFC 9112, 3.2).
    InvalidHost,
    /// A request target that is no path.
    InvalidTarget,
    /// The client's body ended early or broke the rules of its framing.
    RequestBody,
    /// No route takes this request.
    NoRoute,
    /// A body that the built-in echo upstream does not hold.
    BodyTooLarge,
    /// A fault of the gateway or of a layer.
    Panic,
    /// `CONNECT`: the gateway opens no tunnels.
    Tunnel,
    /// No connection to the endpoint: refused, unreachable, name not found.
    Unreachable,
    /// The endpoint closed or reset the connection before it answered.
    Closed,
    /// The endpoint answered something that is not HTTP, or what it was not asked for.
    InvalidResponse,
    /// The upstream has no endpoint that may be used.
    NoEndpoint,
    /// The connection was not made within `timeouts.connect`.
    ConnectTimeout,
    /// The route's `timeout` is over.
    RouteTimeout,
}

impl Failure {
    /// The table.
    fn row(self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidHost => (StatusCode::BAD_REQUEST, "the request has no valid Host"),
            Self::InvalidTarget => (StatusCode::BAD_REQUEST, "the request target is not a path"),
            Self::RequestBody => (StatusCode::BAD_REQUEST, "the request body is not complete"),
            Self::NoRoute => (StatusCode::NOT_FOUND, "no route takes this request"),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "the request body is too large",
            ),
            Self::Panic => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the gateway failed on this request",
            ),
            Self::Tunnel => (StatusCode::NOT_IMPLEMENTED, "the gateway opens no tunnels"),
            Self::Unreachable => (StatusCode::BAD_GATEWAY, "the upstream cannot be reached"),
            Self::Closed => (
                StatusCode::BAD_GATEWAY,
                "the upstream closed the connection before it answered",
            ),
            Self::InvalidResponse => (
                StatusCode::BAD_GATEWAY,
                "the upstream's answer is not valid",
            ),
            Self::NoEndpoint => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the upstream has no usable endpoint",
            ),
            Self::ConnectTimeout => (
                StatusCode::GATEWAY_TIMEOUT,
                "the upstream did not take the connection in time",
            ),
            Self::RouteTimeout => (
                StatusCode::GATEWAY_TIMEOUT,
                "the upstream did not answer in time",
            ),
        }
    }

    /// The response, and the line in the log. `subject` is the upstream, the path or whatever else the failure is
    /// about; `cause` is the error underneath, if there is one.
    pub(crate) fn respond(
        self,
        subject: &str,
        cause: Option<&(dyn Error + 'static)>,
    ) -> Response<Body> {
        let (status, reason) = self.row();
        let cause = cause.map(|cause| tracing::field::display(Chain(cause)));
        match self {
            Self::Panic => tracing::error!(subject, cause, status = status.as_u16(), "{reason}"),
            _ if status.is_server_error() => {
                tracing::warn!(subject, cause, status = status.as_u16(), "{reason}");
            }
            _ => tracing::debug!(subject, cause, status = status.as_u16(), "{reason}"),
        }
        plain(status, reason)
    }
}

/// An error and everything underneath it, in one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}

fn plain(status: StatusCode, reason: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(reason));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn every_gateway_error_says_whose_fault_it_is() {
        for (failure, status) in [
            (Failure::Unreachable, 502),
            (Failure::Closed, 502),
            (Failure::InvalidResponse, 502),
            (Failure::NoEndpoint, 503),
            (Failure::ConnectTimeout, 504),
            (Failure::RouteTimeout, 504),
        ] {
            let (got, reason) = failure.row();
            assert_eq!(got.as_u16(), status, "{failure:?}");
            assert!(reason.starts_with("the upstream"), "{failure:?}: {reason}");
        }
    }

    #[test]
    fn a_cause_is_shown_with_what_is_underneath() {
        #[derive(Debug, thiserror::Error)]
        #[error("connect")]
        struct Outer(#[source] io::Error);

        let error = Outer(io::Error::new(io::ErrorKind::ConnectionRefused, "refused"));
        assert_eq!(Chain(&error).to_string(), "connect: refused");
    }
}
