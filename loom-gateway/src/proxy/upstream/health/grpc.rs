//! Health checks by a call of gRPC's health protocol (`grpc.health.v1`), as Envoy and Kubernetes make it.

use std::fmt;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, TE, USER_AGENT};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use loom_config::model::{GrpcCheck, Protocol};
use loom_layer::grpc;
use prost::Message;
use tower::BoxError;

use super::AGENT;
use crate::limits;
use crate::proxy::pool::Endpoint;

const PATH: &str = "/grpc.health.v1.Health/Check";

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// `HealthCheckRequest`.
#[derive(Clone, PartialEq, Message)]
struct Question {
    #[prost(string, tag = "1")]
    service: String,
}

/// `HealthCheckResponse`.
#[derive(Clone, PartialEq, Message)]
struct Answer {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// The one status of a server that is well.
const SERVING: i32 = 1;

/// Why a server is not well.
#[derive(Debug, thiserror::Error)]
enum Unwell {
    #[error("answered {}", serving_status(*.0))]
    NotServing(i32),
    #[error("answered {0}")]
    Failed(CallStatus),
    #[error("answered {}, and not in gRPC", .0.as_u16())]
    NoGrpc(StatusCode),
    /// What came is not what the protocol says.
    #[error("answered with {0}")]
    Odd(&'static str),
    #[error("the answer broke off")]
    Broken(#[source] BoxError),
}

/// How a call ended that did not succeed.
#[derive(Debug)]
struct CallStatus {
    code: String,
    message: String,
}

/// Asks; an error says why the endpoint is not well.
pub(super) async fn ask(endpoint: &Endpoint, check: &GrpcCheck) -> Result<(), BoxError> {
    let authority = match &check.authority {
        Some(authority) => authority.parse()?,
        None => endpoint.authority().clone(),
    };
    let uri = Uri::builder().scheme(endpoint.scheme().clone());
    let uri = uri.authority(authority).path_and_query(PATH).build()?;
    let request = Request::post(uri)
        .version(Version::HTTP_2)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/grpc"))
        .header(TE, HeaderValue::from_static("trailers"))
        .header(USER_AGENT, AGENT)
        .body(Body::from(question(&check.service)?))?;
    let response = endpoint.ask(request, Protocol::Http2).await?;
    Ok(judge(response).await?)
}

/// The request's body: a message with its prefix ("gRPC over HTTP/2", Length-Prefixed-Message).
fn question(service: &str) -> Result<Vec<u8>, BoxError> {
    let service = service.to_owned();
    let message = Question { service }.encode_to_vec();
    let length = u32::try_from(message.len())?.to_be_bytes();
    Ok([&[0][..], &length, &message].concat())
}

/// Reads an answer to its end.
async fn judge<B>(response: Response<B>) -> Result<(), Unwell>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let (head, body) = response.into_parts();
    if let Some(outcome) = outcome(&head.headers) {
        // There are no trailers where the head has said it all, and no message either.
        outcome.map_err(Unwell::Failed)?;
        return Err(Unwell::Odd("no message"));
    }
    if head.status != StatusCode::OK || !grpc::is_grpc(&head.headers) {
        return Err(Unwell::NoGrpc(head.status));
    }
    let body = Limited::new(body, limits::HEALTH_ANSWER_BYTES);
    let body = body.collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Unwell::Odd("a message that is too large")
        } else {
            Unwell::Broken(error)
        }
    })?;
    match body.trailers().map(outcome) {
        Some(Some(outcome)) => outcome.map_err(Unwell::Failed)?,
        Some(None) => return Err(Unwell::Odd("trailers without grpc-status")),
        None => return Err(Unwell::Odd("no trailers")),
    }
    let body = body.to_bytes();
    let answer = Answer::decode(message(&body)?);
    match answer {
        Ok(Answer { status: SERVING }) => Ok(()),
        Ok(Answer { status }) => Err(Unwell::NotServing(status)),
        Err(_) => Err(Unwell::Odd("a message of another kind")),
    }
}

/// What headers or trailers say of the call's end, if they do.
fn outcome(headers: &HeaderMap) -> Option<Result<(), CallStatus>> {
    let code = headers.get(GRPC_STATUS)?;
    if code == "0" {
        return Some(Ok(()));
    }
    Some(Err(CallStatus {
        code: told(Some(code)),
        message: told(headers.get(GRPC_MESSAGE)),
    }))
}

/// A server's own words ("gRPC over HTTP/2", Percent-Encoded), as far as logs have room for them.
fn told(value: Option<&HeaderValue>) -> String {
    let mut rest = value.map_or(&[][..], HeaderValue::as_bytes);
    let mut bytes = Vec::new();
    while let Some((&first, after)) = rest.split_first() {
        let encoded = match after {
            [high, low, ..] if first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match encoded {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let text = text.replace(char::is_control, " ");
    text.chars().take(limits::HEALTH_WORDS).collect()
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

/// The only message of a body.
fn message(body: &[u8]) -> Result<&[u8], Unwell> {
    if body.is_empty() {
        return Err(Unwell::Odd("no message"));
    }
    let Some((&[flags, length @ ..], rest)) = body.split_first_chunk::<5>() else {
        return Err(Unwell::Odd("half a message"));
    };
    if flags != 0 {
        // Nothing was said about compression in the request, so that there must be none.
        return Err(Unwell::Odd("a compressed message"));
    }
    let length = u32::from_be_bytes(length) as usize;
    if rest.len() < length {
        return Err(Unwell::Odd("half a message"));
    }
    if rest.len() > length {
        return Err(Unwell::Odd("more than a message"));
    }
    Ok(rest)
}

/// The name of a `ServingStatus`.
fn serving_status(status: i32) -> String {
    match status {
        0 => "UNKNOWN".to_owned(),
        1 => "SERVING".to_owned(),
        2 => "NOT_SERVING".to_owned(),
        3 => "SERVICE_UNKNOWN".to_owned(),
        other => format!("the serving status {other}"),
    }
}

impl fmt::Display for CallStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "grpc-status {}", self.code)?;
        let code = self.code.parse().ok();
        if let Some(name) = code.and_then(|code: usize| CODES.get(code)) {
            write!(f, " ({name})")?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

/// The names of gRPC's codes.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[test]
    fn questions_are_as_the_protocol_writes_them() {
        let of = |service| question(service).expect("a short name");
        assert_eq!(of(""), [0, 0, 0, 0, 0]);
        assert_eq!(of("a.B"), b"\0\0\0\0\x05\x0a\x03a.B");
    }

    /// What becomes of an answer with this body, whose trailers say that the call succeeded.
    async fn judged(body: &'static [u8]) -> Result<(), String> {
        let trailers = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static("0"))]);
        let body = Full::new(Bytes::from_static(body));
        let body = body.with_trailers(async { Some(Ok(trailers)) });
        let response = Response::builder().header(CONTENT_TYPE, "application/grpc");
        let response = response.body(body).expect("a response");
        judge(response).await.map_err(|why| why.to_string())
    }

    #[tokio::test]
    async fn one_message_says_whether_it_serves() {
        let bad = |why: &str| Err(why.to_owned());
        for (body, expected) in [
            (&b"\0\0\0\0\x02\x08\x01"[..], Ok(())),
            // A field that is not known is not looked at, and the last one of a kind holds.
            (b"\0\0\0\0\x07\x08\x02\x12\x01x\x08\x01", Ok(())),
            (b"\0\0\0\0\0", bad("answered UNKNOWN")),
            (b"\0\0\0\0\x02\x08\x02", bad("answered NOT_SERVING")),
            (b"\0\0\0\0\x02\x08\x03", bad("answered SERVICE_UNKNOWN")),
            (
                b"\0\0\0\0\x02\x08\x09",
                bad("answered the serving status 9"),
            ),
            (b"", bad("answered with no message")),
            (b"\0\0\0", bad("answered with half a message")),
            (b"\0\0\0\0\x02\x08", bad("answered with half a message")),
            (
                b"\0\0\0\0\x02\x08\x01\0",
                bad("answered with more than a message"),
            ),
            (
                b"\x01\0\0\0\x02\x08\x01",
                bad("answered with a compressed message"),
            ),
            (
                b"\0\0\0\0\x02\x08\xff",
                bad("answered with a message of another kind"),
            ),
            (
                b"\0\0\0\0\x03\x0a\x01x",
                bad("answered with a message of another kind"),
            ),
        ] {
            assert_eq!(judged(body).await, expected, "{body:?}");
        }
    }

    #[test]
    fn what_a_server_says_is_decoded_and_cut() {
        for (written, read) in [
            ("unknown%20service", "unknown service"),
            ("n%C3%B6 %25", "nö %"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("a%0A%1b[1mb%FF", "a  [1mb\u{fffd}"),
        ] {
            assert_eq!(told(Some(&HeaderValue::from_static(written))), read);
        }
        let long = HeaderValue::from_bytes(&[b'x'; 70_000]).expect("a value");
        assert_eq!(told(Some(&long)).len(), limits::HEALTH_WORDS);
    }
}
