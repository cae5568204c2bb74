//! The one table that turns what went wrong into a response.
//!
//! A client learns the status and a plain reason, never an address or a library's text; those are in the log, in the
//! line that is written here too.

use std::error::Error;
use std::fmt;
use std::iter::successors;

use axum::body::Body;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use loom_layer::{LocalReplyInfo, PluginFailure, grpc};

/// The table: what can go wrong, the status and the code that it has, and the reason that a client reads.
///
/// The code is what metrics, the access log and `x-loom-error` say. People build alerts on it: it is never changed.
macro_rules! failures {
    ($($(#[doc = $doc:literal])* $failure:ident: $status:ident, $code:literal, $reason:literal;)*) => {
        /// What can go wrong with a request before an upstream's or a plugin's own response is on its way.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Failure {
            $($(#[doc = $doc])* $failure,)*
        }

        impl Failure {
            const ALL: &[Self] = &[$(Self::$failure),*];

            fn row(self) -> (StatusCode, &'static str, &'static str) {
                match self {
                    $(Self::$failure => (StatusCode::$status, $code, $reason),)*
                }
            }
        }
    };
}

failures! {
    /// HTTP/1.1 without a `Host`, or with one that cannot be right (RFC 9112, 3.2).
    InvalidHost: BAD_REQUEST, "invalid_host", "the request has no valid Host";
    /// A request target that is no path.
    InvalidTarget: BAD_REQUEST, "invalid_target", "the request target is not a path";
    /// Path and query are longer than the listener's `limits.uri_length`.
    UriTooLong: URI_TOO_LONG, "uri_too_long", "the request target is too long";
    /// There are more header fields than the listener's `limits.header_count`. With HTTP/1 hyper answers that.
    TooManyHeaders: REQUEST_HEADER_FIELDS_TOO_LARGE, "too_many_headers", "the request has too many header fields";
    /// A transfer coding besides `chunked` (RFC 9112, 6.1).
    TransferCoding: NOT_IMPLEMENTED, "transfer_coding", "the gateway knows no transfer coding but chunked";
    /// The listener's `normalize_path` refuses what the path has in it.
    PathRefused: BAD_REQUEST, "path_refused", "the request path is not in its normal form";
    /// The client's body ended early or broke the rules of its framing.
    RequestBody: BAD_REQUEST, "request_body", "the request body is not complete";
    /// The client's body did not come at the pace of the listener's `limits.body_timeout`.
    BodyTimeout: REQUEST_TIMEOUT, "body_timeout", "the request body did not come in time";
    /// The client is not in a network of the route's `ip_allow`, or in one of its `ip_deny`.
    IpDenied: FORBIDDEN, "ip_denied", "clients at this address may not ask for this";
    /// The route's `rate_limit` has no token left for this client.
    RateLimited: TOO_MANY_REQUESTS, "rate_limited", "too many requests";
    /// No name and password, where the route's `basic_auth` wants them.
    CredentialsMissing: UNAUTHORIZED, "credentials_missing", "a name and a password are needed";
    /// A name and a password that are not right.
    CredentialsWrong: UNAUTHORIZED, "credentials_wrong", "the name or the password is wrong";
    /// As many passwords are being checked as may be.
    AuthOverloaded: SERVICE_UNAVAILABLE, "auth_overloaded", "too many passwords are being checked";
    /// No token, where the route's `jwt` wants one.
    TokenMissing: UNAUTHORIZED, "token_missing", "a token is needed";
    /// More than one token.
    TokenAmbiguous: BAD_REQUEST, "token_ambiguous", "there is more than one token";
    /// A token that was valid once.
    TokenExpired: UNAUTHORIZED, "token_expired", "the token has expired";
    /// A token that is not valid.
    TokenInvalid: UNAUTHORIZED, "token_invalid", "the token is not valid";
    /// A body larger than the route's `max_body`.
    RequestTooLarge: PAYLOAD_TOO_LARGE, "request_too_large", "the request body is too large";
    /// No route takes this request.
    NoRoute: NOT_FOUND, "no_route", "no route takes this request";
    /// A body that the built-in echo upstream does not hold.
    BodyTooLarge: PAYLOAD_TOO_LARGE, "body_too_large", "the request body is too large";
    /// A fault of the gateway or of a layer.
    Panic: INTERNAL_SERVER_ERROR, "gateway_panic", "the gateway failed on this request";
    /// `CONNECT`: the gateway opens no tunnels.
    Tunnel: NOT_IMPLEMENTED, "tunnel", "the gateway opens no tunnels";
    /// No connection to the endpoint: refused or unreachable.
    Unreachable: BAD_GATEWAY, "upstream_unreachable", "the upstream cannot be reached";
    /// Nobody knows the name of the endpoint.
    UnknownName: BAD_GATEWAY, "upstream_name", "the upstream's name is not found";
    /// The endpoint does not prove to be who it has to be.
    Certificate: BAD_GATEWAY, "upstream_certificate", "the upstream's certificate is not trusted";
    /// The endpoint does not speak TLS, or not as it has to, or refuses the gateway's certificate.
    Tls: BAD_GATEWAY, "upstream_tls", "the upstream and the gateway do not agree on TLS";
    /// The endpoint closed or reset the connection before it answered.
    Closed: BAD_GATEWAY, "upstream_closed", "the upstream closed the connection before it answered";
    /// The endpoint gave the request up, and not the connection: `RST_STREAM` of HTTP/2.
    Reset: BAD_GATEWAY, "upstream_reset", "the upstream gave the request up before it answered";
    /// The head of the answer has more headers, or more bytes, than the gateway takes.
    HeadTooLarge: BAD_GATEWAY, "upstream_head_too_large", "the upstream's answer has too large a head";
    /// The endpoint answered something that is not HTTP, or what it was not asked for.
    InvalidResponse: BAD_GATEWAY, "upstream_invalid", "the upstream's answer is not valid";
    /// To an extended `CONNECT` the answer was a success that switches nothing, which HTTP/2 has no words for (RFC 8441, 5).
    NotUpgraded: BAD_GATEWAY, "not_upgraded", "the upstream did not switch the connection";
    /// The upstream has no endpoint that may be used.
    NoEndpoint: SERVICE_UNAVAILABLE, "no_endpoint", "the upstream has no usable endpoint";
    /// The connection was not made within `timeouts.connect`.
    ConnectTimeout: GATEWAY_TIMEOUT, "connect_timeout", "the upstream did not take the connection in time";
    /// As many requests as `limits.connections` says are under way, and `limits.pending` more wait.
    Overloaded: SERVICE_UNAVAILABLE, "upstream_overloaded", "the upstream has as many requests as it takes";
    /// The upstream's `timeouts.per_try` is over.
    TryTimeout: GATEWAY_TIMEOUT, "try_timeout", "the upstream did not answer in time";
    /// The route's `timeout` is over.
    RouteTimeout: GATEWAY_TIMEOUT, "route_timeout", "the upstream did not answer in time";
    /// The `grpc-timeout` of a gRPC call is over.
    GrpcDeadline: GATEWAY_TIMEOUT, "grpc_deadline", "the deadline of the call is over";
    /// Nothing passed for the route's `idle_timeout`.
    IdleTimeout: GATEWAY_TIMEOUT, "idle_timeout", "the upstream was silent for too long";
}

impl Failure {
    /// The response, and the line in the log. `subject` is the upstream, the path or whatever else the failure is
    /// about; `cause` is the error underneath, if there is one.
    pub(crate) fn respond(
        self,
        subject: &str,
        cause: Option<&(dyn Error + 'static)>,
    ) -> Response<Body> {
        let (status, code, reason) = self.row();
        let cause = cause.map(|cause| tracing::field::display(Chain(cause)));
        match self {
            Self::Panic => {
                tracing::error!(subject, cause, code, status = status.as_u16(), "{reason}");
            }
            _ if status.is_server_error() => {
                tracing::warn!(subject, cause, code, status = status.as_u16(), "{reason}");
            }
            _ => tracing::debug!(subject, cause, code, status = status.as_u16(), "{reason}"),
        }
        let mut response = plain(status, reason);
        response.extensions_mut().insert(self);
        response
    }

    /// What a client reads.
    pub(crate) fn reason(self) -> &'static str {
        self.row().2
    }

    /// The code that a client of gRPC is told. Something may have come of a call whose answer was only too late, which
    /// `UNAVAILABLE` would deny.
    pub(crate) fn grpc_code(self) -> u8 {
        match self {
            Self::TryTimeout
            | Self::RouteTimeout
            | Self::IdleTimeout
            | Self::GrpcDeadline
            | Self::BodyTimeout => grpc::DEADLINE_EXCEEDED,
            _ => grpc::code(self.row().0),
        }
    }
}

/// The error of a body that was cut for this reason.
#[derive(Debug, thiserror::Error)]
#[error("the response was cut: {}", .0.reason())]
pub(crate) struct Cut(pub(crate) Failure);

impl Cut {
    /// The reason, if this error comes from a cut.
    pub(crate) fn cause(error: &axum::Error) -> Option<Failure> {
        let mut causes = successors(Some(error as &(dyn Error + 'static)), |&error| {
            error.source()
        });
        causes.find_map(|cause| cause.downcast_ref::<Self>().map(|cut| cut.0))
    }
}

/// Why the gateway answered, and no upstream and no plugin of its own will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Gateway(Failure),
    Plugin(PluginFailure),
}

/// Those that are not in the gateway's own table: the layer answers when a plugin fails.
const PLUGIN_FAILURES: [(PluginFailure, &str); 6] = [
    (PluginFailure::Failed, "plugin_failed"),
    (PluginFailure::PauseTimeout, "plugin_pause_timeout"),
    (PluginFailure::RequestTooLarge, "plugin_request_too_large"),
    (PluginFailure::ResponseTooLarge, "plugin_response_too_large"),
    (PluginFailure::NotUtf8, "plugin_header_not_utf8"),
    (PluginFailure::Incomplete, "plugin_incomplete"),
];

impl Cause {
    /// The codes of all causes, each at its [`number`](Self::number).
    pub(crate) fn codes() -> impl Iterator<Item = &'static str> {
        let own = Failure::ALL.iter().map(|failure| failure.row().1);
        own.chain(PLUGIN_FAILURES.iter().map(|(_, code)| *code))
    }

    /// How many there are.
    pub(crate) const COUNT: usize = Failure::ALL.len() + PLUGIN_FAILURES.len();

    /// Why this response is not an upstream's, or one that a plugin made on purpose; `None` if it is.
    pub(crate) fn of<B>(response: &Response<B>) -> Option<Self> {
        let extensions = response.extensions();
        if let Some(failure) = extensions.get::<Failure>() {
            return Some(Self::Gateway(*failure));
        }
        let reply = extensions.get::<LocalReplyInfo>()?;
        reply.failure().map(Self::Plugin)
    }

    /// Its place among all of them.
    pub(crate) fn number(self) -> usize {
        match self {
            Self::Gateway(failure) => failure as usize,
            Self::Plugin(failure) => Failure::ALL.len() + plugin_failure(failure),
        }
    }

    /// The code.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Gateway(failure) => failure.row().1,
            Self::Plugin(failure) => PLUGIN_FAILURES[plugin_failure(failure)].1,
        }
    }
}

/// Its place in [`PLUGIN_FAILURES`]; what a later version of the layer knows too counts as a plain failure.
fn plugin_failure(failure: PluginFailure) -> usize {
    let mut all = PLUGIN_FAILURES.iter();
    all.position(|(known, _)| *known == failure).unwrap_or(0)
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
            (Failure::UnknownName, 502),
            (Failure::Reset, 502),
            (Failure::HeadTooLarge, 502),
            (Failure::Closed, 502),
            (Failure::InvalidResponse, 502),
            (Failure::NoEndpoint, 503),
            (Failure::Overloaded, 503),
            (Failure::ConnectTimeout, 504),
            (Failure::TryTimeout, 504),
            (Failure::RouteTimeout, 504),
        ] {
            let (got, _, reason) = failure.row();
            assert_eq!(got.as_u16(), status, "{failure:?}");
            assert!(reason.starts_with("the upstream"), "{failure:?}: {reason}");
        }
    }

    #[test]
    fn every_cause_has_a_code_and_a_place_of_its_own() {
        let codes: Vec<_> = Cause::codes().collect();
        let own = Failure::ALL.iter().map(|&failure| Cause::Gateway(failure));
        let plugins = PLUGIN_FAILURES.map(|(failure, _)| Cause::Plugin(failure));
        let causes: Vec<_> = own.chain(plugins).collect();
        assert_eq!((codes.len(), causes.len()), (Cause::COUNT, Cause::COUNT));
        for (number, cause) in causes.into_iter().enumerate() {
            assert_eq!((cause.number(), cause.code()), (number, codes[number]));
            let first = codes.iter().position(|code| *code == codes[number]);
            assert_eq!(first, Some(number), "{} stands there twice", codes[number]);
        }
    }

    /// An operator looks the code up.
    #[test]
    fn every_code_is_documented() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/observability.md");
        let page = std::fs::read_to_string(page).expect("the page");
        for code in Cause::codes() {
            assert!(
                page.contains(&format!("| `{code}` |")),
                "{code} is not in it"
            );
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
