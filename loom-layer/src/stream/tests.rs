//! The state machine with scripted guests: every order of events, an end at every point.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use http::StatusCode;

use super::*;

/// What a guest does when it is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Continue,
    Pause,
    /// A local reply of this status; then `Pause`, as SDKs tell people to.
    Reply(u16),
    /// Resumes both directions, and then returns `Pause`.
    ResumeAndPause,
    /// Edits a header, and the VM fails.
    EditAndFail,
    /// Replies, and the VM fails.
    ReplyAndFail,
    /// The VM is busy.
    Busy,
    RemovePath,
    RemoveStatus,
}

type Diary = Rc<RefCell<Vec<String>>>;

#[derive(Debug)]
struct Script {
    name: &'static str,
    policy: FailurePolicy,
    /// One step per entry; afterwards everything continues.
    steps: VecDeque<Step>,
    wants_request: bool,
    alive: bool,
    diary: Diary,
}

impl Guest for Script {
    fn wants(&self, callback: Callback) -> bool {
        self.wants_request || !matches!(callback, Callback::RequestHeaders { .. })
    }

    fn failure_policy(&self) -> FailurePolicy {
        self.policy
    }

    fn is_alive(&self) -> bool {
        self.alive
    }

    fn name(&self) -> &str {
        self.name
    }

    fn poll_enter(
        &mut self,
        _cx: &mut Context<'_>,
        callbacks: &[Callback],
        mut exchange: Box<Exchange>,
    ) -> (Box<Exchange>, Poll<Result<Action, Failed>>) {
        assert!(self.alive, "{} is entered after its failure", self.name);
        let step = self.steps.pop_front().unwrap_or(Step::Continue);
        if step == Step::Busy {
            return (exchange, Poll::Pending);
        }
        for callback in callbacks {
            let short = callback.name().trim_start_matches("proxy_on_");
            self.diary
                .borrow_mut()
                .push(format!("{}:{short}", self.name));
        }
        let reply = |status: u16| {
            LocalReply::from_guest(status.into(), b"why", b"body", &[], -1).expect("a reply")
        };
        let result = match step {
            Step::Continue | Step::Busy => Ok(Action::Continue),
            Step::Pause => Ok(Action::Pause),
            Step::Reply(status) => {
                exchange.reply_with(reply(status));
                Ok(Action::Pause)
            }
            Step::ResumeAndPause => {
                exchange.resume(StreamType::Request);
                exchange.resume(StreamType::Response);
                Ok(Action::Pause)
            }
            Step::EditAndFail | Step::ReplyAndFail => {
                if step == Step::ReplyAndFail {
                    exchange.reply_with(reply(418));
                }
                for map in [
                    crate::abi::MapType::RequestHeaders,
                    crate::abi::MapType::ResponseHeaders,
                ] {
                    if let Ok(mut map) = exchange.map_mut(map) {
                        map.add(b"x-edited", b"1").expect("a header");
                    }
                }
                self.alive = false;
                Err(Failed)
            }
            Step::RemovePath => {
                exchange.request.path_removed = true;
                Ok(Action::Continue)
            }
            Step::RemoveStatus => {
                if let Some(response) = &mut exchange.response {
                    response.status = None;
                }
                Ok(Action::Continue)
            }
        };
        (exchange, Poll::Ready(result))
    }
}

/// A stream through plugins `a`, `b`, .. with these scripts.
struct Fixture {
    stream: Stream<Script>,
    diary: Diary,
}

impl Fixture {
    fn new(scripts: &[&[Step]]) -> Self {
        Self::with_policy(FailurePolicy::Closed, scripts)
    }

    fn with_policy(policy: FailurePolicy, scripts: &[&[Step]]) -> Self {
        let diary = Diary::default();
        let guests = scripts
            .iter()
            .zip(["a", "b", "c"])
            .map(|(steps, name)| Script {
                name,
                policy,
                steps: steps.iter().copied().collect(),
                wants_request: true,
                alive: true,
                diary: Rc::clone(&diary),
            });
        let exchange = Box::new(Exchange::new(RequestHead::default(), unreachable()));
        Self {
            stream: Stream::new(exchange, guests, true),
            diary: Rc::clone(&diary),
        }
    }

    fn request(&mut self) -> Poll<RequestVerdict> {
        self.stream
            .poll_request(&mut Context::from_waker(Waker::noop()))
    }

    fn response(&mut self) -> Poll<()> {
        self.stream
            .poll_response(&mut Context::from_waker(Waker::noop()))
    }

    fn end(&mut self) -> Poll<()> {
        self.stream.begin_end();
        self.stream
            .poll_end(&mut Context::from_waker(Waker::noop()))
    }

    /// The whole way with an upstream that answers 200; the status that the client gets.
    fn run(&mut self) -> u16 {
        match self.request() {
            Poll::Pending => panic!("the request is held"),
            Poll::Ready(RequestVerdict::Reply) => {}
            Poll::Ready(RequestVerdict::Forward) => {
                self.stream.forward().expect("a head");
                self.stream
                    .begin_response(ResponseHead::new(StatusCode::OK), true);
            }
        }
        assert!(self.response().is_ready());
        let status = self.deliver();
        assert!(self.end().is_ready());
        status
    }

    fn deliver(&mut self) -> u16 {
        let (head, _) = self.stream.deliver();
        head.and_then(|head| head.status)
            .map_or(0, |status| status.as_u16())
    }

    fn diary(&self) -> String {
        self.diary.borrow().join(" ")
    }

    fn clear(&self) {
        self.diary.borrow_mut().clear();
    }
}

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
         b:response_headers a:response_headers a:log b:log c:context_create c:log \
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
    let exchange = fixture.stream.exchange_mut().expect("there");
    exchange.resume(StreamType::Response);
    assert!(
        fixture.request().is_pending(),
        "the other direction is not meant"
    );
    fixture
        .stream
        .exchange_mut()
        .expect("there")
        .resume(StreamType::Request);
    assert_eq!(fixture.request(), Poll::Ready(RequestVerdict::Forward));
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
    let reply = LocalReply::from_guest(429, b"", b"", &[], -1).expect("a reply");
    assert!(
        fixture
            .stream
            .exchange_mut()
            .expect("there")
            .reply_with(reply)
    );
    assert_eq!(fixture.run(), 429);
}

#[test]
fn a_request_at_the_inner_service_can_be_answered_from_outside() {
    let mut fixture = Fixture::new(&[&[]]);
    assert!(fixture.request().is_ready() && !fixture.stream.is_interrupted());
    let reply = LocalReply::from_guest(429, b"", b"", &[], -1).expect("a reply");
    assert!(
        fixture
            .stream
            .exchange_mut()
            .expect("there")
            .reply_with(reply)
    );
    assert!(fixture.stream.is_interrupted());
    assert!(fixture.response().is_ready());
    assert_eq!(fixture.deliver(), 429);
}

#[test]
fn nobody_can_answer_once_the_response_is_out() {
    let mut fixture = Fixture::new(&[&[]]);
    assert!(fixture.request().is_ready());
    fixture
        .stream
        .begin_response(ResponseHead::new(StatusCode::OK), false);
    assert!(fixture.response().is_ready());
    assert_eq!(fixture.deliver(), 200);
    let reply = LocalReply::from_guest(429, b"", b"", &[], -1).expect("a reply");
    assert!(
        !fixture
            .stream
            .exchange_mut()
            .expect("there")
            .reply_with(reply)
    );
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
        let pause = fixture.stream.pause().expect("held");
        assert_eq!(
            fixture.stream.holder(pause).map(|guest| guest.name),
            Some("a")
        );
        assert!(fixture.stream.expire(pause));
        if !response {
            assert_eq!(fixture.request(), Poll::Ready(RequestVerdict::Reply));
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

/// Random scripts, random outside events, an end at a random point: whatever happens, each plugin's callbacks come in
/// order, once, and it is closed exactly if it was opened and did not fail.
#[test]
fn any_sequence_of_events_keeps_the_order() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for round in 0..20_000 {
        let scripts: Vec<Vec<Step>> = (0..1 + random.below(3))
            .map(|_| (0..random.below(7)).map(|_| random.step()).collect())
            .collect();
        let scripts: Vec<&[Step]> = scripts.iter().map(Vec::as_slice).collect();
        let policy = [FailurePolicy::Closed, FailurePolicy::Open][random.below(2)];
        let mut fixture = Fixture::with_policy(policy, &scripts);
        let limit = random.below(40);
        drive(&mut fixture, &mut random, limit);
        for _ in 0..20 {
            if fixture.end().is_ready() {
                break;
            }
        }
        assert!(fixture.end().is_ready(), "round {round}: the stream ends");
        for at in 0..scripts.len() {
            let failed = !fixture.stream.filters[at].guest.alive;
            check(&fixture, ["a", "b", "c"][at], failed, round);
        }
    }
}

/// At most `limit` polls and outside events, in the order that a future would make them.
fn drive(fixture: &mut Fixture, random: &mut Random, limit: usize) {
    let mut answered = false;
    for _ in 0..limit {
        match random.below(8) {
            0 => {
                if let Some(exchange) = fixture.stream.exchange_mut() {
                    exchange.resume([StreamType::Request, StreamType::Response][random.below(2)]);
                }
            }
            1 => {
                if let Some(pause) = fixture.stream.pause() {
                    fixture.stream.expire(pause);
                }
            }
            2 => {
                let reply = LocalReply::from_guest(400, b"", b"", &[], -1).expect("a reply");
                if let Some(exchange) = fixture.stream.exchange_mut() {
                    exchange.reply_with(reply);
                }
            }
            _ => {}
        }
        match fixture.stream.stage {
            Stage::Request { .. } => {
                if fixture.request() == Poll::Ready(RequestVerdict::Forward) {
                    fixture.stream.forward().expect("a head");
                }
            }
            Stage::Inner => {
                if !fixture.stream.is_interrupted() && random.below(2) == 0 {
                    fixture
                        .stream
                        .begin_response(ResponseHead::new(StatusCode::OK), false);
                }
            }
            Stage::Response { .. } => {
                if fixture.response().is_ready() {
                    let status = fixture.deliver();
                    assert!((200..600).contains(&status), "a response has a status");
                    answered = true;
                }
            }
            _ => {
                assert!(answered, "the end comes after the answer");
                return;
            }
        }
    }
}

fn check(fixture: &Fixture, name: &str, failed: bool, round: usize) {
    let diary = fixture.diary.borrow();
    let own: Vec<&str> = diary
        .iter()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .collect();
    let order = [
        "context_create",
        "request_headers",
        "response_headers",
        "log",
        "done",
        "delete",
    ];
    let places: Vec<usize> = own
        .iter()
        .map(|line| {
            order
                .iter()
                .position(|name| name == line)
                .expect("a known callback")
        })
        .collect();
    assert!(
        places.windows(2).all(|pair| pair[0] < pair[1]),
        "round {round}: {name} has {own:?}"
    );
    if !own.is_empty() {
        assert_eq!(own[0], "context_create", "round {round}: {name}");
        assert!(
            failed || own.ends_with(&["log", "done", "delete"]),
            "round {round}: {name} has {own:?}"
        );
    }
}

/// A xorshift generator: the same sequence in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    fn step(&mut self) -> Step {
        let steps = [
            Step::Continue,
            Step::Continue,
            Step::Pause,
            Step::Reply(403),
            Step::ResumeAndPause,
            Step::EditAndFail,
            Step::ReplyAndFail,
            Step::Busy,
            Step::RemovePath,
            Step::RemoveStatus,
        ];
        steps[self.below(steps.len())]
    }
}
