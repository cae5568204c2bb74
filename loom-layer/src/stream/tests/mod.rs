//! The state machine with scripted guests: every order of events, an end at every point.

mod bodies;
mod found;
mod framing;
mod headers;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use http::StatusCode;

use super::*;
use crate::abi::MapType;
use crate::policy::HeaderValues;

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
    /// The callback is not made, and the VM goes on.
    Missed,
    /// The VM is busy.
    Busy,
    RemovePath,
    RemoveStatus,
    /// Writes trailers, where that is allowed.
    AddTrailer,
    /// Puts the body at hand into angle brackets.
    Replace,
    /// Takes the body at hand away.
    Clear,
    /// Says that the body has this length.
    Length(&'static str),
    /// Takes the length away, and says `transfer-encoding: chunked`.
    Chunked,
}

type Diary = Rc<RefCell<Vec<String>>>;

#[derive(Debug)]
struct Script {
    name: &'static str,
    terms: Terms,
    /// One step per entry; afterwards everything continues.
    steps: VecDeque<Step>,
    wants_request: bool,
    wants_bodies: bool,
    alive: bool,
    diary: Diary,
}

impl Guest for Script {
    fn wants(&self, callback: Callback) -> bool {
        match callback {
            Callback::Headers(Direction::Request, _) => self.wants_request,
            Callback::Body(..) | Callback::Trailers(_) => self.wants_bodies,
            _ => true,
        }
    }

    fn terms(&self) -> Terms {
        self.terms
    }

    fn is_alive(&self) -> bool {
        self.alive
    }

    fn name(&self) -> &str {
        self.name
    }

    fn resumed_nothing(&self, _: Direction) {}

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
        if step == Step::Missed {
            return (exchange, Poll::Ready(Err(Failed)));
        }
        for callback in callbacks {
            let line = describe(self.name, *callback, &exchange);
            self.diary.borrow_mut().push(line);
        }
        let reply = |status: u16| {
            LocalReply::from_guest(status.into(), b"why", b"body", &[], -1).expect("a reply")
        };
        let result = match step {
            Step::Continue | Step::Busy | Step::Missed => Ok(Action::Continue),
            Step::Pause => Ok(Action::Pause),
            Step::Reply(status) => {
                exchange.ask(Wish::Reply(reply(status)));
                Ok(Action::Pause)
            }
            Step::ResumeAndPause => {
                let place = exchange.running();
                exchange.ask(Wish::Resume(Direction::Request, place));
                exchange.ask(Wish::Resume(Direction::Response, place));
                Ok(Action::Pause)
            }
            Step::EditAndFail | Step::ReplyAndFail => {
                if step == Step::ReplyAndFail {
                    exchange.ask(Wish::Reply(reply(418)));
                }
                for map in [MapType::RequestHeaders, MapType::ResponseHeaders] {
                    if let Ok(mut map) = exchange.map_mut(map) {
                        map.add(b"x-edited", b"1").expect("a header");
                    }
                }
                self.alive = false;
                Err(Failed)
            }
            Step::AddTrailer => {
                if let Ok(mut map) = exchange.map_mut(MapType::RequestTrailers) {
                    map.add(b"x-made", b"1").expect("a header");
                }
                Ok(Action::Continue)
            }
            Step::Replace | Step::Clear => {
                for direction in [Direction::Request, Direction::Response] {
                    if step == Step::Clear {
                        exchange.splice(direction, 0, usize::MAX, "".into());
                    } else {
                        exchange.splice(direction, 0, 0, "<".into());
                        exchange.splice(direction, usize::MAX, 0, ">".into());
                    }
                }
                Ok(Action::Continue)
            }
            Step::Length(_) | Step::Chunked => {
                for map in [MapType::RequestHeaders, MapType::ResponseHeaders] {
                    if let Ok(mut map) = exchange.map_mut(map) {
                        if let Step::Length(length) = step {
                            map.replace(b"content-length", length.as_bytes())
                                .expect("a header");
                        } else {
                            map.remove(b"content-length");
                            map.add(b"transfer-encoding", b"chunked").expect("a header");
                        }
                    }
                }
                Ok(Action::Continue)
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

/// `a:request_body=2!` is a callback of plugin `a` that has two bytes at hand, the last ones.
fn describe(name: &str, callback: Callback, exchange: &Exchange) -> String {
    let short = callback.name().trim_start_matches("proxy_on_");
    match callback {
        Callback::Body(direction, end) => {
            let size = exchange.buffer(direction).map_or(0, Buffer::len);
            let last = if end == End::Last { "!" } else { "" };
            format!("{name}:{short}={size}{last}")
        }
        Callback::Trailers(direction) => {
            let map = [MapType::RequestTrailers, MapType::ResponseTrailers][direction.index()];
            format!("{name}:{short}={}", exchange.map(map).map_or(0, Map::count))
        }
        _ => format!("{name}:{short}"),
    }
}

const TERMS: Terms = Terms {
    failure_policy: FailurePolicy::Closed,
    body_while_headers_wait: false,
    body_before_inner: false,
    max_buffered_body: 16,
    header_values: HeaderValues::Bytes,
};

/// A stream through plugins `a`, `b`, .. with these scripts.
struct Fixture {
    stream: Stream<Script>,
    diary: Diary,
}

impl Fixture {
    fn new(scripts: &[&[Step]]) -> Self {
        Self::with_policy(FailurePolicy::Closed, scripts)
    }

    fn with_policy(failure_policy: FailurePolicy, scripts: &[&[Step]]) -> Self {
        let terms = Terms {
            failure_policy,
            ..TERMS
        };
        Self::with_terms(terms, true, scripts)
    }

    fn with_terms(terms: Terms, request_ends: bool, scripts: &[&[Step]]) -> Self {
        let diary = Diary::default();
        let guests = scripts
            .iter()
            .zip(["a", "b", "c"])
            .map(|(steps, name)| Script {
                name,
                terms,
                steps: steps.iter().copied().collect(),
                wants_request: true,
                wants_bodies: true,
                alive: true,
                diary: Rc::clone(&diary),
            });
        let exchange = Box::new(Exchange::new(RequestHead::default(), unreachable()));
        Self {
            stream: Stream::new(exchange, guests, request_ends),
            diary: Rc::clone(&diary),
        }
    }

    fn request(&mut self) -> Poll<Verdict> {
        self.stream
            .poll_request(&mut Context::from_waker(Waker::noop()))
    }

    fn response(&mut self) -> Poll<Verdict> {
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
            Poll::Ready(Verdict::Reply) => {}
            Poll::Ready(Verdict::NeedBody) => panic!("the body is wanted"),
            Poll::Ready(Verdict::Forward) => {
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

    /// A reply from outside the stream's own callbacks; whether it counts.
    fn reply(&mut self, status: u32) -> bool {
        let reply = LocalReply::from_guest(status, b"", b"", &[], -1).expect("a reply");
        let mut first = false;
        self.stream
            .with_exchange(|exchange| first = exchange.ask(Wish::Reply(reply)));
        first
    }

    /// Another callback's word that a direction may go on.
    fn resume(&mut self, direction: Direction, at: usize) {
        self.stream
            .with_exchange(|exchange| assert!(exchange.ask(Wish::Resume(direction, at))));
    }

    fn diary(&self) -> String {
        self.diary.borrow().join(" ")
    }

    fn clear(&self) {
        self.diary.borrow_mut().clear();
    }
}
