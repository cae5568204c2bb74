//! Why a token is refused, and the answer to that (RFC 6750, 3).

use axum::body::Body;
use http::Response;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use jsonwebtoken::errors::{Error, ErrorKind};

use crate::errors::Failure;

/// See the module's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is none.
    Missing,
    /// It is not certain which one is meant.
    Ambiguous,
    /// It was valid once.
    Expired,
    /// It is not valid, and why.
    Invalid(&'static str),
}

impl Refusal {
    pub(super) fn response(self, path: &str) -> Response<Body> {
        let (failure, error, description) = match self {
            // Who has none is not told of an error (RFC 6750, 3.1).
            Self::Missing => (Failure::TokenMissing, "", ""),
            Self::Ambiguous => (
                Failure::TokenAmbiguous,
                "invalid_request",
                "there is more than one token",
            ),
            Self::Expired => (
                Failure::TokenExpired,
                "invalid_token",
                "the token has expired",
            ),
            Self::Invalid(why) => (Failure::TokenInvalid, "invalid_token", why),
        };
        let mut response = failure.respond(path, None);
        let challenge = if error.is_empty() {
            Ok(HeaderValue::from_static("Bearer"))
        } else {
            let text = format!("Bearer error=\"{error}\", error_description=\"{description}\"");
            HeaderValue::try_from(text)
        };
        let challenge = challenge.unwrap_or(HeaderValue::from_static("Bearer"));
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        response
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Invalid(match error.kind() {
            ErrorKind::ExpiredSignature => return Self::Expired,
            ErrorKind::ImmatureSignature => "the token is not valid yet",
            ErrorKind::InvalidSignature => "the signature is wrong",
            ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => {
                "tokens are not signed that way"
            }
            ErrorKind::InvalidIssuer => "the issuer is another one",
            ErrorKind::InvalidAudience => "the token is for somebody else",
            ErrorKind::MissingRequiredClaim(_) => "a claim is missing",
            _ => "this is not a token",
        })
    }
}
