//! What a gRPC client is told by whoever answers in its server's place.
//!
//! A client of gRPC reads the status of a call in `grpc-status` and not in the status of HTTP. The layers of this crate
//! answer gRPC requests in this form by themselves; whoever stands around them with answers of its own finds here what it
//! takes to do the same.

use std::fmt::Write as _;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// The code `DEADLINE_EXCEEDED`.
pub const DEADLINE_EXCEEDED: u8 = 4;

/// The code `UNAVAILABLE`.
pub const UNAVAILABLE: u8 = 14;

/// The last of the codes that gRPC knows.
pub(crate) const LAST_CODE: u8 = 16;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Whether these are the headers of a gRPC message: the content type is `application/grpc`, with or without a suffix.
/// gRPC-Web is another protocol.
#[must_use]
pub fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| is_type(value.as_bytes()))
}

/// The code that stands for an HTTP status ("HTTP to gRPC Status Code Mapping" of gRPC, as in Envoy).
#[must_use]
pub fn code(status: StatusCode) -> u8 {
    match status.as_u16() {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => UNAVAILABLE,
        _ => 2,
    }
}

/// Makes headers of a response those of a gRPC response that consists of them alone, with this code, and this message if
/// it is not empty. Its status has to be 200, and it has no body.
///
/// A `grpc-status` that is there already stays.
pub fn answer(headers: &mut HeaderMap, code: u8, message: &[u8]) {
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    if !headers.contains_key(GRPC_STATUS) {
        headers.insert(GRPC_STATUS, HeaderValue::from(u16::from(code)));
    }
    write_message(headers, message);
}

/// The trailers of a gRPC response that end with this code and message.
#[must_use]
pub fn trailers(code: u8, message: &[u8]) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert(GRPC_STATUS, HeaderValue::from(u16::from(code)));
    write_message(&mut trailers, message);
    trailers
}

/// Whether a content type is gRPC's.
pub(crate) fn is_type(value: &[u8]) -> bool {
    value
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+"))
}

fn write_message(headers: &mut HeaderMap, message: &[u8]) {
    if !message.is_empty()
        && let Ok(message) = HeaderValue::from_str(&percent_encode(message))
    {
        headers.insert(GRPC_MESSAGE, message);
    }
}

/// Encodes a `grpc-message` (gRPC over HTTP/2, "Percent-Encoded").
fn percent_encode(message: &[u8]) -> String {
    let mut text = String::with_capacity(message.len());
    for &byte in message {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_grpc_is_grpc() {
        for (value, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc-web", false),
            ("application/grpc-web+proto", false),
            ("application/json", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
            assert_eq!(is_grpc(&headers), expected, "{value}");
        }
        assert!(!is_grpc(&HeaderMap::new()));
    }

    /// The table of gRPC's documentation.
    #[test]
    fn each_status_has_its_code() {
        for (status, expected) in [
            (400, 13),
            (401, 16),
            (403, 7),
            (404, 12),
            (429, 14),
            (502, 14),
            (503, 14),
            (504, 14),
            (200, 2),
            (413, 2),
            (500, 2),
            (501, 2),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(code(status), expected, "{status}");
        }
    }

    #[test]
    fn messages_are_encoded() {
        let trailers = trailers(DEADLINE_EXCEEDED, "zu spät %\n~".as_bytes());
        assert_eq!(trailers["grpc-status"], "4");
        assert_eq!(trailers["grpc-message"], "zu sp%C3%A4t %25%0A~");
    }
}
