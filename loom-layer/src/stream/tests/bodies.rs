//! Bodies and trailers.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;

use super::*;
use crate::abi::MapType;

const REQUEST: Direction = Direction::Request;
const RESPONSE: Direction = Direction::Response;

/// A stream that is at its bodies: the request went to the inner service, and so did the head of the response.
fn bodies(scripts: &[&[Step]]) -> Fixture {
    with_terms(TERMS, scripts)
}

fn with_terms(terms: Terms, scripts: &[&[Step]]) -> Fixture {
    // The two headers callbacks come first.
    let scripts: Vec<Vec<Step>> = scripts
        .iter()
        .map(|steps| [&[Step::Continue, Step::Continue], *steps].concat())
        .collect();
    let scripts: Vec<&[Step]> = scripts.iter().map(Vec::as_slice).collect();
    let mut fixture = Fixture::with_terms(terms, false, &scripts);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
    fixture.stream.forward().expect("a head");
    fixture
        .stream
        .begin_response(ResponseHead::new(StatusCode::OK), false);
    assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
    let (_, source) = fixture.stream.deliver();
    assert!(
        matches!(source, BodySource::InnerThroughPlugins),
        "{source:?}"
    );
    fixture.clear();
    fixture
}

impl Fixture {
    pub(super) fn data(&mut self, direction: Direction, data: &'static str, last: bool) {
        let frame = Frame::data(Bytes::from_static(data.as_bytes()));
        self.stream.push(direction, Some(frame), last);
    }

    pub(super) fn trailers(&mut self, direction: Direction) {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-trailer", HeaderValue::from_static("1"));
        self.stream
            .push(direction, Some(Frame::trailers(trailers)), true);
    }

    /// Everything that leaves now, as text: `~` is "give more", `.` the end, `!` a cut, `?` a wait, `{..}` trailers.
    pub(super) fn out(&mut self, direction: Direction) -> String {
        let mut out = String::new();
        loop {
            let mut cx = Context::from_waker(Waker::noop());
            match self.stream.poll_body(&mut cx, direction) {
                Poll::Pending => return out + "?",
                Poll::Ready(BodyStep::NeedInput) => return out + "~",
                Poll::Ready(BodyStep::End) => return out + ".",
                Poll::Ready(BodyStep::Cut) => return out + "!",
                Poll::Ready(BodyStep::Data(data)) => out += &String::from_utf8_lossy(&data),
                Poll::Ready(BodyStep::Trailers(trailers)) => {
                    let names: Vec<_> = trailers.keys().map(http::HeaderName::as_str).collect();
                    out += &format!("{{{}}}", names.join(","));
                }
            }
        }
    }
}

#[test]
fn chunks_pass_in_order_and_show_their_sizes() {
    for (direction, wanted) in [
        (
            REQUEST,
            "a:request_body=2 b:request_body=2 a:request_body=3! b:request_body=3!",
        ),
        (
            RESPONSE,
            "b:response_body=2 a:response_body=2 b:response_body=3! a:response_body=3!",
        ),
    ] {
        let mut fixture = bodies(&[&[], &[]]);
        assert_eq!(fixture.out(direction), "~");
        fixture.data(direction, "ab", false);
        assert_eq!(fixture.out(direction), "ab~");
        fixture.data(direction, "cde", true);
        assert_eq!(fixture.out(direction), "cde.");
        assert!(fixture.stream.is_body_over(direction));
        assert_eq!(fixture.diary(), wanted);
    }
}

#[test]
fn an_end_without_data_is_a_callback_of_its_own() {
    let mut fixture = bodies(&[&[]]);
    fixture.data(REQUEST, "ab", false);
    fixture.stream.push(REQUEST, None, true);
    assert_eq!(fixture.out(REQUEST), "ab.");
    assert_eq!(fixture.diary(), "a:request_body=2 a:request_body=0!");
}

/// The sequence of Envoy's own test: what was held is seen together with what comes next, once it is let go it is not.
#[test]
fn a_held_body_accumulates() {
    let mut fixture = with_terms(
        Terms {
            max_buffered_body: 100,
            ..TERMS
        },
        &[&[Step::Pause, Step::Pause]],
    );
    for (chunk, out) in [
        ("hello", "~"),
        (", there, ", "~"),
        ("world!", "hello, there, world!~"),
        ("So it's ", "So it's ~"),
        ("goodbye, then!", "goodbye, then!~"),
    ] {
        fixture.data(RESPONSE, chunk, false);
        assert_eq!(fixture.out(RESPONSE), out);
    }
    assert_eq!(
        fixture.diary(),
        "a:response_body=5 a:response_body=14 a:response_body=20 a:response_body=8 a:response_body=14"
    );
}

#[test]
fn a_body_that_is_held_at_its_end_waits_for_somebody_to_resume_it() {
    let mut fixture = bodies(&[&[Step::Pause, Step::Pause], &[]]);
    fixture.data(REQUEST, "ab", false);
    fixture.data(REQUEST, "c", true);
    assert_eq!(fixture.out(REQUEST), "?");
    let pause = fixture.stream.pauses().next().expect("held");
    assert_eq!(
        fixture.stream.holder(pause).map(|guest| guest.name),
        Some("a")
    );
    fixture.resume(REQUEST, 1);
    fixture.resume(RESPONSE, 0);
    assert_eq!(
        fixture.out(REQUEST),
        "?",
        "neither another plugin nor the other direction is meant"
    );
    fixture.resume(REQUEST, 0);
    assert!(!fixture.stream.is_held());
    assert_eq!(fixture.out(REQUEST), "abc.");
    assert_eq!(
        fixture.diary(),
        "a:request_body=2 a:request_body=3! b:request_body=3!"
    );
}

#[test]
fn resuming_early_sends_what_is_held_and_shows_the_rest_alone() {
    let mut fixture = bodies(&[&[Step::Pause]]);
    fixture.data(REQUEST, "ab", false);
    assert_eq!(fixture.out(REQUEST), "~");
    fixture.resume(REQUEST, 0);
    assert_eq!(fixture.out(REQUEST), "ab~");
    fixture.data(REQUEST, "c", true);
    assert_eq!(fixture.out(REQUEST), "c.");
    assert_eq!(fixture.diary(), "a:request_body=2 a:request_body=1!");
}

#[test]
fn trailers_let_a_held_body_go() {
    let mut fixture = bodies(&[&[Step::Pause]]);
    fixture.data(RESPONSE, "ab", false);
    fixture.trailers(RESPONSE);
    assert_eq!(fixture.out(RESPONSE), "ab{x-trailer}.");
    assert_eq!(fixture.diary(), "a:response_body=2 a:response_trailers=1");
}

#[test]
fn trailers_can_be_held_too() {
    let mut fixture = bodies(&[&[Step::Continue, Step::Pause]]);
    fixture.data(REQUEST, "ab", false);
    fixture.trailers(REQUEST);
    assert_eq!(fixture.out(REQUEST), "ab?");
    fixture.resume(REQUEST, 0);
    assert_eq!(fixture.out(REQUEST), "{x-trailer}.");
}

#[test]
fn trailers_can_be_made_in_the_last_body_callback() {
    let mut fixture = bodies(&[&[Step::AddTrailer, Step::AddTrailer], &[]]);
    fixture.data(REQUEST, "ab", false);
    fixture.data(REQUEST, "c", true);
    assert_eq!(fixture.out(REQUEST), "abc{x-made}.");
    assert_eq!(
        fixture.diary(),
        "a:request_body=2 b:request_body=2 a:request_body=1! b:request_body=1 b:request_trailers=1"
    );
}

#[test]
fn a_busy_vm_loses_nothing() {
    let mut fixture = bodies(&[&[
        Step::Pause,
        Step::Busy,
        Step::Continue,
        Step::Busy,
        Step::Busy,
    ]]);
    fixture.data(REQUEST, "ab", false);
    assert_eq!(fixture.out(REQUEST), "~");
    fixture.data(REQUEST, "cd", false);
    assert_eq!(fixture.out(REQUEST), "?");
    fixture.resume(REQUEST, 0);
    assert_eq!(fixture.out(REQUEST), "abcd~");
    fixture.trailers(REQUEST);
    assert_eq!(fixture.out(REQUEST), "?");
    assert_eq!(fixture.out(REQUEST), "?");
    assert_eq!(fixture.out(REQUEST), "{x-trailer}.");
    assert_eq!(
        fixture.diary(),
        "a:request_body=2 a:request_body=2 a:request_trailers=1"
    );
}

#[test]
fn an_edit_is_what_goes_on() {
    let mut fixture = bodies(&[&[Step::Replace], &[Step::Replace, Step::Pause]]);
    fixture.data(REQUEST, "abc", false);
    assert_eq!(fixture.out(REQUEST), "<<abc>>~");
    fixture.data(REQUEST, "d", false);
    assert_eq!(fixture.out(REQUEST), "~");
}

#[test]
fn more_than_the_limit_is_not_held() {
    // The head of the response is out: all that is left is to cut.
    let mut fixture = bodies(&[&[Step::Pause, Step::Pause]]);
    fixture.data(RESPONSE, "0123456789", false);
    assert_eq!(fixture.out(RESPONSE), "~");
    fixture.data(RESPONSE, "0123456789", false);
    assert_eq!(fixture.out(RESPONSE), "!");

    // It is not: the request is answered with 413.
    let mut fixture = Fixture::with_terms(TERMS, false, &[&[Step::Continue, Step::Pause]]);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
    fixture.stream.forward().expect("a head");
    fixture.data(REQUEST, "0123456789abcdefg", false);
    assert_eq!(fixture.out(REQUEST), "!");
    assert!(fixture.stream.take_nudge(), "the future has to look");
    assert!(fixture.stream.is_interrupted());
    assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
    assert_eq!(fixture.deliver(), 413);
}

#[test]
fn a_reply_from_a_body_callback_overtakes_the_inner_service() {
    let mut fixture = Fixture::with_terms(TERMS, false, &[&[Step::Continue, Step::Reply(400)]]);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
    fixture.stream.forward().expect("a head");
    fixture.data(REQUEST, "ab", true);
    assert_eq!(fixture.out(REQUEST), "!");
    assert!(fixture.stream.take_nudge() && fixture.stream.is_interrupted());
    assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
    assert_eq!(fixture.deliver(), 400);
    assert!(
        fixture
            .diary()
            .contains("a:response_headers a:response_body=4!"),
        "{}",
        fixture.diary()
    );
}

#[test]
fn the_inner_service_can_wait_for_the_body() {
    let terms = Terms {
        body_before_inner: true,
        ..TERMS
    };
    let mut fixture = Fixture::with_terms(
        terms,
        false,
        &[&[Step::Continue, Step::Pause, Step::Pause], &[]],
    );
    assert_eq!(fixture.request(), Poll::Ready(Verdict::NeedBody));
    fixture.data(REQUEST, "ab", false);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::NeedBody));
    fixture.data(REQUEST, "c", true);
    assert_eq!(fixture.request(), Poll::Pending);
    fixture.resume(REQUEST, 0);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
    assert_eq!(fixture.out(REQUEST), "abc.");

    let mut fixture = Fixture::with_terms(terms, false, &[&[Step::Continue, Step::Reply(400)]]);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::NeedBody));
    fixture.data(REQUEST, "ab", true);
    assert_eq!(
        fixture.request(),
        Poll::Ready(Verdict::Reply),
        "the inner service is not called"
    );
}

#[test]
fn headers_can_wait_for_the_body_at_the_plugin_that_holds_them() {
    let terms = Terms {
        body_while_headers_wait: true,
        ..TERMS
    };
    let mut fixture = Fixture::with_terms(terms, false, &[&[], &[Step::Pause, Step::Pause], &[]]);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::NeedBody));
    fixture.data(REQUEST, "ab", false);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::NeedBody));
    fixture.data(REQUEST, "c", true);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
    assert_eq!(fixture.out(REQUEST), "abc.");
    assert_eq!(
        fixture.diary(),
        "a:context_create a:request_headers b:context_create b:request_headers a:request_body=2 b:request_body=2 \
         a:request_body=1! b:request_body=3! c:context_create c:request_headers c:request_body=3!"
    );

    // The same on the response.
    let mut fixture = Fixture::with_terms(
        terms,
        true,
        &[&[], &[Step::Continue, Step::Pause, Step::Pause]],
    );
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
    fixture
        .stream
        .begin_response(ResponseHead::new(StatusCode::OK), false);
    fixture.clear();
    assert_eq!(fixture.response(), Poll::Ready(Verdict::NeedBody));
    fixture.data(RESPONSE, "ab", false);
    assert_eq!(fixture.response(), Poll::Ready(Verdict::NeedBody));
    fixture.data(RESPONSE, "c", true);
    assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
    assert_eq!(fixture.deliver(), 200);
    assert_eq!(fixture.out(RESPONSE), "abc.");
    assert_eq!(
        fixture.diary(),
        "b:response_headers b:response_body=2 b:response_body=3! a:response_headers a:response_body=3!"
    );
}

#[test]
fn a_length_is_corrected_while_the_head_is_held_and_a_broken_one_cuts() {
    let held = Terms {
        body_while_headers_wait: true,
        ..TERMS
    };
    let response = |length: u64| {
        let mut head = ResponseHead::new(StatusCode::OK);
        head.headers.insert(CONTENT_LENGTH, length.into());
        head
    };
    let length = |head: Option<ResponseHead>| -> Option<String> {
        Some(head?.headers.get(CONTENT_LENGTH)?.to_str().ok()?.to_owned())
    };

    // The whole body is there: its length is known.
    let mut fixture =
        Fixture::with_terms(held, true, &[&[Step::Continue, Step::Pause, Step::Replace]]);
    assert!(fixture.request().is_ready());
    fixture.stream.begin_response(response(3), false);
    assert_eq!(fixture.response(), Poll::Ready(Verdict::NeedBody));
    fixture.data(RESPONSE, "abc", true);
    assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
    assert_eq!(length(fixture.stream.deliver().0).as_deref(), Some("5"));
    assert_eq!(fixture.out(RESPONSE), "<abc>.");

    // More follows: nobody knows.
    let mut fixture =
        Fixture::with_terms(held, true, &[&[Step::Continue, Step::Pause, Step::Replace]]);
    assert!(fixture.request().is_ready());
    fixture.stream.begin_response(response(6), false);
    assert_eq!(fixture.response(), Poll::Ready(Verdict::NeedBody));
    fixture.data(RESPONSE, "abc", false);
    assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
    assert_eq!(length(fixture.stream.deliver().0), None);
    fixture.data(RESPONSE, "def", true);
    assert_eq!(fixture.out(RESPONSE), "<abc>def.");

    // The head is out: more or less than it says is not sent.
    for (step, wanted) in [
        (Step::Replace, "<!"),
        (Step::Clear, "!"),
        (Step::Continue, "abc."),
    ] {
        let mut fixture =
            Fixture::with_terms(TERMS, true, &[&[Step::Continue, Step::Continue, step]]);
        assert!(fixture.request().is_ready());
        fixture.stream.begin_response(response(3), false);
        assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
        assert_eq!(length(fixture.stream.deliver().0).as_deref(), Some("3"));
        fixture.data(RESPONSE, "abc", true);
        assert_eq!(fixture.out(RESPONSE), wanted, "{step:?}");
    }

    // A local reply's body that a plugin edits keeps a true length.
    let mut fixture = Fixture::with_terms(
        TERMS,
        true,
        &[&[Step::Reply(403), Step::Continue, Step::Replace]],
    );
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Reply));
    assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
    assert_eq!(length(fixture.stream.deliver().0).as_deref(), Some("6"));
    assert_eq!(fixture.out(RESPONSE), "<body>.");
}

#[test]
fn a_failure_in_a_body_callback() {
    // Nothing of the body is lost when the plugin is to be as if it were absent.
    let open = Terms {
        failure_policy: FailurePolicy::Open,
        ..TERMS
    };
    let mut fixture = with_terms(open, &[&[Step::Pause, Step::EditAndFail], &[]]);
    fixture.data(REQUEST, "ab", false);
    fixture.data(REQUEST, "cd", false);
    assert_eq!(fixture.out(REQUEST), "abcd~");
    fixture.data(REQUEST, "e", true);
    assert_eq!(fixture.out(REQUEST), "e.");

    let mut fixture = bodies(&[&[Step::EditAndFail]]);
    fixture.data(RESPONSE, "ab", false);
    assert_eq!(fixture.out(RESPONSE), "!", "an answer is under way");

    let mut fixture = Fixture::with_terms(TERMS, false, &[&[Step::Continue, Step::EditAndFail]]);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
    fixture.stream.forward().expect("a head");
    fixture.data(REQUEST, "ab", false);
    assert_eq!(fixture.out(REQUEST), "!");
    assert!(fixture.stream.is_interrupted());
    assert!(fixture.response().is_ready());
    assert_eq!(fixture.deliver(), 503);
}

#[test]
fn a_hold_of_a_body_has_an_end() {
    let mut fixture = bodies(&[&[Step::Pause]]);
    fixture.data(RESPONSE, "ab", true);
    assert_eq!(fixture.out(RESPONSE), "?");
    let pause = fixture.stream.pauses().next().expect("held");
    assert!(fixture.stream.expire(pause));
    assert_eq!(fixture.out(RESPONSE), "!");
}

#[test]
fn a_plugin_whose_vm_dies_while_it_holds_a_body() {
    for (failure_policy, wanted) in [(FailurePolicy::Closed, "!"), (FailurePolicy::Open, "ab.")] {
        let terms = Terms {
            failure_policy,
            ..TERMS
        };
        let mut fixture = with_terms(terms, &[&[Step::Pause]]);
        fixture.data(RESPONSE, "ab", true);
        assert_eq!(fixture.out(RESPONSE), "?");
        fixture.stream.filters[0].guest.alive = false;
        assert_eq!(fixture.out(RESPONSE), wanted);
    }
}

#[test]
fn a_body_that_still_comes_is_waited_for_without_a_limit() {
    let mut fixture = bodies(&[&[Step::Pause, Step::Pause, Step::Pause]]);
    for piece in ["a", "b"] {
        fixture.data(REQUEST, piece, false);
        assert_eq!(fixture.out(REQUEST), "~");
        assert!(fixture.stream.is_held());
        assert!(fixture.stream.pauses().next().is_none(), "{piece}");
    }
    fixture.data(REQUEST, "c", true);
    assert_eq!(fixture.out(REQUEST), "?");
    let pauses: Vec<_> = fixture.stream.pauses().collect();
    assert_eq!(pauses.len(), 1, "now it is the plugin that is waited for");
    assert!(fixture.stream.expire(pauses[0]));
}

#[test]
fn each_of_several_holds_is_known() {
    let mut fixture = bodies(&[&[Step::Pause, Step::Pause]]);
    fixture.data(REQUEST, "ab", true);
    assert_eq!(fixture.out(REQUEST), "?");
    fixture.data(RESPONSE, "cd", true);
    assert_eq!(fixture.out(RESPONSE), "?");
    let pauses: Vec<_> = fixture.stream.pauses().collect();
    assert_eq!(pauses.len(), 2, "{pauses:?}");
    fixture.resume(REQUEST, 0);
    let left: Vec<_> = fixture.stream.pauses().collect();
    assert_eq!(left, pauses[1..], "the other one is the same as before");
}

#[test]
fn what_is_held_can_be_read_and_edited_from_outside() {
    for direction in [REQUEST, RESPONSE] {
        let mut fixture = bodies(&[&[Step::Continue], &[Step::Pause]]);
        let (holder, other) = (1, 0);
        fixture.data(direction, "hello", true);
        assert_eq!(fixture.out(direction), "?", "{direction:?}");
        let mut seen = Vec::new();
        let stream = &mut fixture.stream;
        stream.with_exchange_of(other, |exchange| {
            seen.push(exchange.buffer(direction).map(Buffer::len));
        });
        stream.with_exchange_of(holder, |exchange| {
            seen.push(exchange.buffer(direction).map(Buffer::len));
            assert!(exchange.splice(direction, 0, 0, Bytes::from_static(b"<")));
            let trailers = match direction {
                REQUEST => MapType::RequestTrailers,
                RESPONSE => MapType::ResponseTrailers,
            };
            let mut trailers = exchange.map_mut(trailers).expect("open");
            trailers.add(b"x-late", b"1").expect("valid");
        });
        assert_eq!(seen, [None, Some(5)], "{direction:?}");
        fixture.resume(direction, holder);
        assert_eq!(fixture.out(direction), "<hello{x-late}.", "{direction:?}");
    }
}

#[test]
fn what_is_put_into_a_hold_from_outside_counts_for_its_limit() {
    let terms = Terms {
        max_buffered_body: 8,
        ..TERMS
    };
    let mut fixture = with_terms(terms, &[&[Step::Pause]]);
    fixture.data(REQUEST, "hello", true);
    assert_eq!(fixture.out(REQUEST), "?");
    for _ in 0..2 {
        let stream = &mut fixture.stream;
        stream.with_exchange_of(0, |exchange| {
            assert!(exchange.splice(REQUEST, 0, 0, Bytes::from_static(b"abc")));
        });
    }
    // The head of the response is out, so there is nothing left but to cut the stream.
    assert_eq!(fixture.out(REQUEST), "!");
}

#[test]
fn nothing_is_lent_that_is_not_held() {
    let mut fixture = bodies(&[&[Step::Continue]]);
    fixture.data(REQUEST, "hello", false);
    assert_eq!(fixture.out(REQUEST), "hello~");
    let mut seen = Some(0);
    fixture.stream.with_exchange_of(0, |exchange| {
        seen = exchange.buffer(REQUEST).map(Buffer::len);
    });
    assert_eq!(seen, None);
    // A place that no plugin has.
    assert!(fixture.stream.with_exchange_of(7, |_| {}));
}

#[test]
fn with_its_trailers_only_a_body_that_is_held_is_at_hand() {
    for (first, wanted) in [
        (Step::Continue, "hello{x-trailer}."),
        (Step::Pause, "<hello>{x-trailer}."),
    ] {
        let mut fixture = bodies(&[&[first, Step::Replace]]);
        fixture.data(REQUEST, "hello", false);
        let before = fixture.out(REQUEST);
        fixture.trailers(REQUEST);
        let out = before.trim_end_matches('~').to_owned() + &fixture.out(REQUEST);
        assert_eq!(out, wanted, "{first:?}");
    }
}
