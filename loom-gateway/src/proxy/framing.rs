//! Where messages end: what a head says of its body's length, told in one way only.
//!
//! Whoever reads a head with two lengths, or with one that its body does not have, takes the rest of one message for the
//! beginning of the next (RFC 9112, 11.2). hyper sends on what it is given.

use axum::body::Body;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;

/// A response of which nobody can tell where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::proxy) enum Misframed {
    /// The length stands there several times, with different values, or is no number.
    #[error("the content-length is not one number")]
    Length,
    /// RFC 9112, 6.3: this "ought to be handled as an error".
    #[error("there is a transfer-encoding beside a content-length")]
    Both,
    /// The body would go on without the name of its coding.
    #[error("the transfer-encoding is not `chunked` alone")]
    Coding,
}

/// Makes a request's head say of its body what is so. All that hop-by-hop headers said is gone from it already.
pub(super) fn request(request: &mut Request<Body>) {
    let empty = request.body().is_end_stream();
    let counted = request.body().size_hint().exact().is_some();
    let bodies_are_rare = matches!(*request.method(), Method::GET | Method::HEAD);
    let headers = request.headers_mut();
    let length = headers.get(CONTENT_LENGTH);
    if length.is_some_and(|length| {
        if empty {
            length == "0"
        } else {
            is_number(length.as_bytes())
        }
    }) {
        return leave_one(headers);
    }
    if length.is_some() {
        headers.remove(CONTENT_LENGTH);
    }
    // hyper would leave such a body out.
    if bodies_are_rare && !empty && !counted {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// HTTP/2 has neither codings nor a need for lengths, but a length that is there has to be right (RFC 9113, 8.1.1).
pub(super) fn http2_request(request: &mut Request<Body>) {
    self::request(request);
    request.headers_mut().remove(TRANSFER_ENCODING);
}

/// Checks a response as an endpoint sent it, and leaves one length in it.
pub(super) fn response<B>(response: &mut Response<B>) -> Result<(), Misframed> {
    let without_body = response.status() == StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err(Misframed::Coding);
        }
        if headers.contains_key(CONTENT_LENGTH) {
            return Err(Misframed::Both);
        }
        return Ok(());
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter().peekable();
    let Some(length) = lengths.next() else {
        return Ok(());
    };
    if without_body {
        // RFC 9110, 8.6: there must be none, and a client could wait for it.
        headers.remove(CONTENT_LENGTH);
        return Ok(());
    }
    let is_only = lengths.peek().is_none();
    if !is_number(length.as_bytes()) {
        let one = one_of_list(length).ok_or(Misframed::Length)?;
        if !is_only {
            return Err(Misframed::Length);
        }
        headers.insert(CONTENT_LENGTH, one);
        return Ok(());
    }
    if is_only {
        return Ok(());
    }
    if lengths.any(|other| other != length) {
        return Err(Misframed::Length);
    }
    leave_one(headers);
    Ok(())
}

/// Leaves one length where the same one stands several times.
fn leave_one(headers: &mut HeaderMap) {
    if let Some(length) = headers.get_all(CONTENT_LENGTH).iter().nth(1).cloned() {
        headers.insert(CONTENT_LENGTH, length);
    }
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// The number that all members of a list are (RFC 9110, 8.6).
fn one_of_list(value: &HeaderValue) -> Option<HeaderValue> {
    let mut members = value.to_str().ok()?.split(',').map(str::trim);
    let first = members.next().filter(|first| is_number(first.as_bytes()))?;
    let same = members.all(|member| member == first);
    same.then(|| HeaderValue::from_str(first).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(headers: &[(&'static str, &'static str)]) -> Result<Vec<String>, Misframed> {
        let mut answer = Response::new(());
        for (name, value) in headers {
            let value = HeaderValue::from_static(value);
            answer.headers_mut().append(*name, value);
        }
        response(&mut answer)?;
        let lengths = answer.headers().get_all(CONTENT_LENGTH).iter();
        let text = |value: &HeaderValue| value.to_str().expect("text").to_owned();
        Ok(lengths.map(text).collect())
    }

    #[test]
    fn one_length_is_left() {
        let length = |value| ("content-length", value);
        for headers in [
            &[length("5")][..],
            &[length("5"), length("5"), length("5")],
            &[length("5, 5")],
        ] {
            assert_eq!(checked(headers), Ok(vec!["5".to_owned()]), "{headers:?}");
        }
        for headers in [
            &[length("5"), length("6")][..],
            &[length("5, 6")],
            &[length("5"), length("5, 5")],
            &[length("5, 5"), length("5")],
            &[length("+5")],
            &[length("")],
            &[length("5,")],
        ] {
            assert_eq!(checked(headers), Err(Misframed::Length), "{headers:?}");
        }
    }

    #[test]
    fn a_coding_is_chunked_and_alone() {
        let coding = |value| ("transfer-encoding", value);
        assert_eq!(checked(&[coding("Chunked")]), Ok(vec![]));
        for headers in [
            &[coding("gzip")][..],
            &[coding("gzip, chunked")],
            &[coding("chunked"), coding("chunked")],
        ] {
            assert_eq!(checked(headers), Err(Misframed::Coding), "{headers:?}");
        }
        let both = [coding("chunked"), ("content-length", "5")];
        assert_eq!(checked(&both), Err(Misframed::Both));
    }

    #[test]
    fn a_204_has_no_length() {
        let mut answer = Response::new(());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let length = HeaderValue::from_static("5");
        answer.headers_mut().insert(CONTENT_LENGTH, length);
        assert_eq!(response(&mut answer), Ok(()));
        assert!(answer.headers().is_empty());
    }

    #[test]
    fn a_request_promises_what_it_has() {
        let framed = |method: Method, body: Body, lengths: &[&'static str]| {
            let mut message = Request::new(body);
            *message.method_mut() = method;
            for length in lengths {
                let length = HeaderValue::from_static(length);
                message.headers_mut().append(CONTENT_LENGTH, length);
            }
            request(&mut message);
            let lines = message.headers().iter();
            let line = |(name, value): (_, &HeaderValue)| {
                format!("{name}: {}", value.to_str().expect("text"))
            };
            lines.map(line).collect::<Vec<_>>()
        };
        let unknown =
            || Body::from_stream(futures_util::stream::pending::<Result<&str, std::io::Error>>());
        let none: [&str; 0] = [];
        assert_eq!(framed(Method::POST, Body::empty(), &["5"]), none);
        let zero = ["content-length: 0"];
        assert_eq!(framed(Method::POST, Body::empty(), &["0"]), zero);
        let five = ["content-length: 5"];
        assert_eq!(framed(Method::POST, unknown(), &["5", "5"]), five);
        let chunked = ["transfer-encoding: chunked"];
        assert_eq!(framed(Method::GET, unknown(), &[]), chunked);
        assert_eq!(
            framed(Method::POST, unknown(), &[]),
            none,
            "hyper's own choice"
        );
        assert_eq!(framed(Method::GET, Body::from("x"), &[]), none);
        assert_eq!(framed(Method::GET, unknown(), &["x"]), chunked);
    }
}
