//! What the simulation found, each told as plainly as it can be.

use super::*;

const REQUEST: Direction = Direction::Request;
const RESPONSE: Direction = Direction::Response;

/// A stream whose request has a body, up to the inner service's answer.
fn answered(terms: Terms, scripts: &[&[Step]]) -> Fixture {
    let mut fixture = Fixture::with_terms(terms, false, scripts);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
    fixture.stream.forward().expect("a head");
    fixture
        .stream
        .begin_response(ResponseHead::new(StatusCode::OK), false);
    fixture
}

/// Whoever still reads the request's body when the stream ends gets what has passed all plugins, and then a cut: the plugins
/// see no more of it, so no more of it passes them.
#[test]
fn no_body_passes_a_stream_that_is_over() {
    let busy_log = [Step::Continue, Step::Continue, Step::Continue, Step::Busy];
    let mut fixture = answered(TERMS, &[&busy_log]);
    assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
    fixture.deliver();
    fixture.data(REQUEST, "seen", false);
    assert_eq!(fixture.out(REQUEST), "seen~");
    fixture.stream.take_nudge();
    assert!(fixture.end().is_pending());
    assert!(fixture.stream.take_nudge(), "the reader is told");
    fixture.data(REQUEST, "unseen", false);
    assert_eq!(fixture.out(REQUEST), "!");
    assert!(fixture.end().is_ready());
    assert_eq!(fixture.out(REQUEST), "!");
    assert!(fixture.diary().ends_with("a:log a:done a:delete"));
}

/// A body callback that runs before the head is out takes the head apart.
#[test]
fn a_body_callback_that_leaves_no_status_or_no_path() {
    let steps = [Step::Continue, Step::Continue, Step::RemoveStatus];
    let mut fixture = answered(TERMS, &[&steps]);
    fixture.data(RESPONSE, "at hand", true);
    assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
    assert_eq!(fixture.deliver(), 502);

    let terms = Terms {
        body_before_inner: true,
        ..TERMS
    };
    let mut fixture = Fixture::with_terms(terms, false, &[&[Step::Continue, Step::RemovePath]]);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::NeedBody));
    fixture.data(REQUEST, "body", true);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Reply));
    assert!(fixture.response().is_ready());
    assert_eq!(fixture.deliver(), 503);
}

/// A body that was read early goes with the response that it belonged to. It would be held for ever.
#[test]
fn a_reply_does_not_inherit_the_body_of_what_it_replaces() {
    let terms = Terms {
        body_while_headers_wait: true,
        ..TERMS
    };
    // The second plugin lets the headers go when it sees the body; the first one then takes the status away.
    let first = [Step::Continue, Step::RemoveStatus, Step::Pause];
    let second = [Step::Continue, Step::Pause, Step::Continue];
    let mut fixture = answered(terms, &[&first, &second]);
    assert_eq!(fixture.response(), Poll::Ready(Verdict::NeedBody));
    fixture.data(RESPONSE, "early", false);
    assert_eq!(fixture.response(), Poll::Ready(Verdict::Forward));
    assert!(!fixture.diary().contains("a:response_body"));
    assert_eq!(fixture.deliver(), 502);
}

/// A plugin that holds headers and has no body callbacks would have the whole body pile up behind it.
#[test]
fn a_body_is_not_read_for_a_plugin_that_does_not_look_at_it() {
    let terms = Terms {
        body_while_headers_wait: true,
        ..TERMS
    };
    let mut fixture = Fixture::with_terms(terms, false, &[&[Step::Pause], &[]]);
    fixture.stream.filters[0].guest.wants_bodies = false;
    assert_eq!(fixture.request(), Poll::Pending);
    assert_eq!(fixture.stream.pauses().count(), 1, "it has an end");
    fixture.resume(REQUEST, 0);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
}
