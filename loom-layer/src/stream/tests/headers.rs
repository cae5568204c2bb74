//! Headers, local replies, pauses, failures, ends.

use super::*;

const CLOSE_A_B: &str = "a:log b:log a:done a:delete b:done b:delete";

#[test]
fn one_plugin() {
    let mut fixture = Fixture::new(&[&[]]);
    assert_eq!(fixture.run(), 200);
    assert_eq!(
        fixture.diary(),
        "a:context_create a:request_headers a:response_headers a:log a:done a:delete"
    );
}

#[test]
fn requests_pass_in_order_and_responses_in_reverse() {
    let mut fixture = Fixture::new(&[&[], &[]]);
    assert_eq!(fixture.run(), 200);
    assert_eq!(
        fixture.diary(),
        format!(
            "a:context_create a:request_headers b:context_create b:request_headers b:response_headers a:response_headers {CLOSE_A_B}"
        )
    );
}

#[test]
fn no_plugin_at_all() {
    let mut fixture = Fixture::new(&[]);
    assert_eq!(fixture.run(), 200);
    assert_eq!(fixture.diary(), "");
}

#[test]
fn a_plugin_without_the_callback_is_created_when_it_is_first_needed() {
    let mut fixture = Fixture::new(&[&[]]);
    fixture.stream.filters[0].guest.wants_request = false;
    assert_eq!(fixture.run(), 200);
    assert_eq!(
        fixture.diary(),
        "a:context_create a:response_headers a:log a:done a:delete"
    );
}

#[test]
fn a_reply_to_the_request_passes_the_plugins_that_saw_it() {
    let mut fixture = Fixture::new(&[&[], &[Step::Reply(403)], &[]]);
    assert_eq!(fixture.run(), 403);
    assert_eq!(
        fixture.diary(),
        "a:context_create a:request_headers b:context_create b:request_headers \
         b:response_headers a:response_headers b:response_body=4! a:response_body=4! a:log b:log c:context_create c:log \
         a:done a:delete b:done b:delete c:done c:delete"
    );
}

#[test]
fn the_first_reply_wins() {
    let mut fixture = Fixture::new(&[
        &[Step::Continue, Step::Reply(401)],
        &[Step::Reply(403), Step::Reply(402)],
    ]);
    assert_eq!(fixture.run(), 403);
}

#[test]
fn a_reply_to_the_response_replaces_it_and_goes_out_directly() {
    let mut fixture = Fixture::new(&[&[], &[Step::Continue, Step::Reply(503)]]);
    assert_eq!(fixture.run(), 503);
    assert!(
        fixture.diary().contains("b:response_headers a:log"),
        "{}",
        fixture.diary()
    );
}

#[test]
fn a_held_request_goes_on_when_it_is_resumed() {
    let mut fixture = Fixture::new(&[&[Step::Pause], &[]]);
    assert!(fixture.request().is_pending() && fixture.request().is_pending());
    fixture.resume(Direction::Response, 0);
    fixture.resume(Direction::Request, 1);
    assert!(
        fixture.request().is_pending(),
        "neither the other direction nor another plugin is meant"
    );
    fixture.resume(Direction::Request, 0);
    assert_eq!(fixture.request(), Poll::Ready(Verdict::Forward));
    assert_eq!(
        fixture.diary(),
        "a:context_create a:request_headers b:context_create b:request_headers"
    );
}

#[test]
fn resuming_in_the_callback_that_holds_is_going_on() {
    let mut fixture = Fixture::new(&[&[Step::ResumeAndPause, Step::ResumeAndPause]]);
    assert_eq!(fixture.run(), 200);
}

#[test]
fn a_held_stream_can_be_answered_from_outside() {
    let mut fixture = Fixture::new(&[&[Step::Pause]]);
    assert!(fixture.request().is_pending());
    assert!(fixture.reply(429));
    assert_eq!(fixture.run(), 429);
}

#[test]
fn a_request_at_the_inner_service_can_be_answered_from_outside() {
    let mut fixture = Fixture::new(&[&[]]);
    assert!(fixture.request().is_ready() && !fixture.stream.is_interrupted());
    assert!(fixture.reply(429));
    assert!(fixture.stream.is_interrupted());
    assert!(fixture.response().is_ready());
    assert_eq!(fixture.deliver(), 429);
}

#[test]
fn an_answer_after_the_response_is_out_cuts_the_stream() {
    let mut fixture = Fixture::new(&[&[]]);
    assert!(fixture.request().is_ready());
    fixture
        .stream
        .begin_response(ResponseHead::new(StatusCode::OK), false);
    assert!(fixture.response().is_ready());
    assert_eq!(fixture.deliver(), 200);
    assert!(fixture.reply(429), "it counts as a cut");
    assert!(matches!(
        fixture
            .stream
            .poll_body(&mut Context::from_waker(Waker::noop()), Direction::Response),
        Poll::Ready(BodyStep::Cut)
    ));
}

#[test]
fn a_hold_has_an_end() {
    for response in [false, true] {
        let steps: &[Step] = if response {
            &[Step::Continue, Step::Pause]
        } else {
            &[Step::Pause]
        };
        let mut fixture = Fixture::new(&[steps]);
        let held = fixture.request();
        if response {
            fixture
                .stream
                .begin_response(ResponseHead::new(StatusCode::OK), true);
            assert!(fixture.response().is_pending());
        } else {
            assert!(held.is_pending());
        }
        let pause = fixture.stream.pauses().next().expect("held");
        assert_eq!(
            fixture.stream.holder(pause).map(|guest| guest.name),
            Some("a")
        );
        assert!(fixture.stream.expire(pause));
        if !response {
            assert_eq!(fixture.request(), Poll::Ready(Verdict::Reply));
        }
        assert!(fixture.response().is_ready());
        assert_eq!(fixture.deliver(), 504);
        assert!(!fixture.stream.expire(pause), "it is over");
    }
}

#[test]
fn a_failure_ends_the_request_or_is_as_if_the_plugin_were_absent() {
    for step in [Step::EditAndFail, Step::ReplyAndFail] {
        for before in [0, 1] {
            let mut steps = vec![Step::Continue; before];
            steps.push(step);
            let mut closed = Fixture::with_policy(FailurePolicy::Closed, &[&[], &steps]);
            assert_eq!(closed.run(), 503);
            assert!(!closed.diary().contains("b:log"), "{}", closed.diary());
            assert!(
                closed.diary().ends_with("a:log a:done a:delete"),
                "{}",
                closed.diary()
            );

            let mut open = Fixture::with_policy(FailurePolicy::Open, &[&[], &steps]);
            assert!(open.request().is_ready());
            let head = open.stream.forward().expect("a head");
            assert!(!head.headers.contains_key("x-edited"), "the edit is undone");
            open.stream
                .begin_response(ResponseHead::new(StatusCode::OK), true);
            assert!(open.response().is_ready());
            let (head, _) = open.stream.deliver();
            let head = head.expect("a head");
            assert_eq!(head.status, Some(StatusCode::OK));
            assert!(!head.headers.contains_key("x-edited"), "the edit is undone");
        }
    }
}

#[test]
fn a_plugin_whose_vm_dies_while_it_holds_the_stream() {
    for (policy, wanted) in [(FailurePolicy::Closed, 503), (FailurePolicy::Open, 200)] {
        let mut fixture = Fixture::with_policy(policy, &[&[Step::Pause]]);
        assert!(fixture.request().is_pending());
        fixture.stream.filters[0].guest.alive = false;
        assert_eq!(fixture.run(), wanted);
        assert_eq!(fixture.diary(), "a:context_create a:request_headers");
    }
}

#[test]
fn what_cannot_be_sent_is_not_sent() {
    assert_eq!(Fixture::new(&[&[Step::RemovePath]]).run(), 503);
    assert_eq!(
        Fixture::new(&[&[Step::Continue, Step::RemoveStatus]]).run(),
        502
    );
}

#[test]
fn a_busy_vm_is_entered_again_and_nothing_runs_twice() {
    let busy = [
        Step::Busy,
        Step::Continue,
        Step::Busy,
        Step::Continue,
        Step::Busy,
        Step::Continue,
    ];
    let mut fixture = Fixture::new(&[&busy]);
    assert!(fixture.request().is_pending());
    assert!(fixture.request().is_ready());
    fixture
        .stream
        .begin_response(ResponseHead::new(StatusCode::OK), true);
    assert!(fixture.response().is_pending());
    assert!(fixture.response().is_ready());
    assert_eq!(fixture.deliver(), 200);
    assert!(fixture.end().is_pending());
    assert!(fixture.end().is_ready());
    assert_eq!(
        fixture.diary(),
        "a:context_create a:request_headers a:response_headers a:log a:done a:delete"
    );
}

#[test]
fn an_end_at_any_point_closes_what_was_opened() {
    // Before anything ran, the contexts exist for the log alone.
    let mut fixture = Fixture::new(&[&[], &[]]);
    assert!(fixture.end().is_ready());
    let created = "a:context_create a:log b:context_create b:log";
    assert_eq!(
        fixture.diary(),
        format!("{created} a:done a:delete b:done b:delete")
    );

    // While a plugin holds the request.
    let mut fixture = Fixture::new(&[&[], &[Step::Pause]]);
    assert!(fixture.request().is_pending());
    fixture.clear();
    assert!(fixture.end().is_ready());
    assert_eq!(fixture.diary(), CLOSE_A_B);

    // While the inner service runs, and after that while the response is under way.
    for response in [false, true] {
        let mut fixture = Fixture::new(&[&[], &[]]);
        assert!(fixture.request().is_ready());
        if response {
            fixture
                .stream
                .begin_response(ResponseHead::new(StatusCode::OK), false);
            assert!(fixture.response().is_ready());
            fixture.deliver();
        }
        fixture.clear();
        assert!(fixture.end().is_ready() && fixture.end().is_ready());
        assert_eq!(fixture.diary(), CLOSE_A_B);
    }
}

/// A thread without room for the guest, or no VM at all: the VM that has the context goes on, so it is told of the end.
#[test]
fn a_plugin_that_missed_a_callback_takes_no_part_any_more_and_is_closed() {
    for (policy, status) in [(FailurePolicy::Closed, 503), (FailurePolicy::Open, 200)] {
        let mut fixture = Fixture::with_policy(policy, &[&[], &[Step::Continue, Step::Missed]]);
        assert_eq!(fixture.run(), status, "{policy:?}");
        let diary = fixture.diary();
        let answered = "a:context_create a:request_headers b:context_create b:request_headers";
        let seen = match policy {
            FailurePolicy::Closed => answered.to_owned(),
            FailurePolicy::Open => format!("{answered} a:response_headers"),
        };
        assert_eq!(diary, format!("{seen} {CLOSE_A_B}"), "{policy:?}");
    }
}

#[test]
fn a_plugin_that_missed_its_first_callback_has_nothing_to_close() {
    for (policy, status) in [(FailurePolicy::Closed, 503), (FailurePolicy::Open, 200)] {
        let mut fixture = Fixture::with_policy(policy, &[&[Step::Missed]]);
        assert_eq!(fixture.run(), status, "{policy:?}");
        assert_eq!(fixture.diary(), "", "{policy:?}");
    }
}
