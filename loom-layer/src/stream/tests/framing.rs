//! Lengths: no head goes out that its body does not keep.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

use super::*;

fn with_length(length: &'static str) -> ResponseHead {
    let mut head = ResponseHead::new(StatusCode::OK);
    if !length.is_empty() {
        head.headers
            .insert(CONTENT_LENGTH, length.parse().expect("a value"));
    }
    head
}

fn length(headers: &HeaderMap) -> &str {
    headers
        .get(CONTENT_LENGTH)
        .map_or("", |value| value.to_str().expect("text"))
}

/// A plugin without body callbacks that says this of a request and of a response.
fn headers_only(step: Step, request_ends: bool) -> Fixture {
    let mut fixture = Fixture::with_terms(TERMS, request_ends, &[&[step, step]]);
    fixture.stream.filters[0].guest.wants_bodies = false;
    fixture
}

#[test]
fn a_length_of_a_body_that_the_plugin_does_not_see_is_undone() {
    for (said, upstream, wanted) in [
        ("3", "10", "10"),
        ("3", "", ""),
        ("abc", "10", "10"),
        ("10", "10", "10"),
    ] {
        let mut fixture = headers_only(Step::Length(said), true);
        assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
        let head = fixture.stream.forward().expect("a head");
        assert_eq!(
            length(&head.headers),
            "",
            "a request without a body has no length"
        );
        fixture.stream.begin_response(with_length(upstream), false);
        assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
        let (head, source) = fixture.stream.deliver();
        assert!(matches!(source, BodySource::Inner));
        assert_eq!(
            length(&head.expect("a head").headers),
            wanted,
            "{said} {upstream}"
        );
    }
}

#[test]
fn a_request_s_length_is_the_client_s() {
    let mut fixture = headers_only(Step::Length("3"), false);
    let mut head = RequestHead::default();
    head.headers
        .insert(CONTENT_LENGTH, "10".parse().expect("a value"));
    let exchange = Box::new(Exchange::new(head, unreachable()));
    fixture.stream.exchange = Some(exchange);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
    assert_eq!(
        length(&fixture.stream.forward().expect("a head").headers),
        "10"
    );
}

#[test]
fn a_plugin_s_transfer_encoding_goes() {
    let mut fixture = headers_only(Step::Chunked, false);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
    let head = fixture.stream.forward().expect("a head");
    assert!(!head.headers.contains_key(TRANSFER_ENCODING));
    fixture.stream.begin_response(with_length("10"), false);
    assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
    let head = fixture.stream.deliver().0.expect("a head");
    assert!(!head.headers.contains_key(TRANSFER_ENCODING));
    assert_eq!(
        length(&head.headers),
        "",
        "to take a length away is allowed"
    );
}

#[test]
fn a_plugin_that_sees_the_body_is_held_to_its_word() {
    for (body, wanted) in [("abc", "abc."), ("abcd", "!"), ("ab", "!")] {
        let mut fixture = Fixture::with_terms(TERMS, true, &[&[Step::Continue, Step::Length("3")]]);
        assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
        fixture.stream.begin_response(with_length("10"), false);
        assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
        let (head, _) = fixture.stream.deliver();
        assert_eq!(length(&head.expect("a head").headers), "3");
        fixture.data(Direction::Response, body, true);
        assert_eq!(fixture.out(Direction::Response), wanted, "{body}");
    }
}

#[test]
fn a_local_reply_s_length_is_its_body_s() {
    let mut fixture = Fixture::with_terms(TERMS, true, &[&[Step::Reply(403), Step::Length("99")]]);
    fixture.stream.filters[0].guest.wants_bodies = false;
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Reply));
    assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
    let (head, source) = fixture.stream.deliver();
    assert!(matches!(source, BodySource::Own(body) if body == "body"));
    assert_eq!(length(&head.expect("a head").headers), "4");
}
