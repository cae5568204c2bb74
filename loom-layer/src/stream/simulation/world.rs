//! The tasks of one stream as the service has them, a client, an inner service, and what may happen from outside.
//!
//! A task is polled only after something woke it, as by a real executor; so a wake-up that is forgotten shows as a stream
//! that stands still although nothing holds it.

use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http_body::Frame;

use super::super::*;
use super::body::{Ending, Outcome, Source};
use super::puppet::{Puppet, Shared};

/// Where the future is.
#[derive(Debug)]
enum At {
    Request {
        early: bool,
    },
    Inner,
    Response {
        at_hand: bool,
        early: bool,
    },
    Body(BodyKind),
    /// Log, done and delete.
    End,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyKind {
    Direct,
    ThroughPlugins,
}

/// What the inner service means to do.
#[derive(Debug)]
struct Inner {
    /// Frames that it reads before it answers; all of them if they are fewer.
    reads: usize,
    /// It reads on while its answer is on the way.
    reads_on: bool,
    answers: bool,
    head: ResponseHead,
    ends: bool,
}

/// See the module's text.
pub(super) struct World {
    pub(super) stream: Stream<Puppet>,
    pub(super) shared: Rc<Shared>,
    at: At,
    request: Source,
    response: Source,
    inner: Option<Inner>,
    /// The request's body is read by a task of its own, also when the stream is over.
    reads_on: bool,
    /// Whether the request's body passes plugins, once it is forwarded.
    request_through: bool,
    /// What was read and not given to the plugins yet, by direction.
    input: [Option<(Option<Frame<Bytes>>, bool)>; 2],
    pending_head: Option<(ResponseHead, bool)>,
    /// The future's task, which also polls the response's body, and the reader of the request's body.
    woken: [bool; 2],
    signalled: bool,
    /// The request's and the response's body at their ends.
    pub(super) out: [Outcome; 2],
    pub(super) forwarded: Option<RequestHead>,
    pub(super) delivered: Option<ResponseHead>,
    /// The client went away.
    pub(super) left: bool,
    /// The texts of both bodies, and how many trailers follow them.
    pub(super) sent: [(String, usize); 2],
}

const FUTURE: usize = 0;
const READER: usize = 1;

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

impl World {
    pub(super) fn new(shared: Rc<Shared>) -> Self {
        let tape = &shared.tape;
        let plugins = 1 + tape.below(3);
        let puppets: Vec<_> = (0..plugins)
            .map(|place| Puppet::new(place, &shared))
            .collect();
        let (request, response) = (Source::new(&shared), Source::new(&shared));
        let mut head = RequestHead::default();
        if tape.once_in(2) && request.trailers() == 0 {
            head.headers
                .insert(CONTENT_LENGTH, request.text().len().into());
        }
        let mut answer = ResponseHead::new(StatusCode::OK);
        if tape.once_in(2) && response.trailers() == 0 {
            answer
                .headers
                .insert(CONTENT_LENGTH, response.text().len().into());
        }
        let exchange = Box::new(Exchange::new(head, unreachable()));
        let inner = Inner {
            reads: tape.pick(&[usize::MAX, 0, 1]),
            reads_on: tape.once_in(2),
            answers: !tape.once_in(10),
            head: answer,
            ends: response.is_end(),
        };
        Self {
            sent: [&request, &response].map(|source| (source.text(), source.trailers())),
            stream: Stream::new(exchange, puppets, request.is_end()),
            at: At::Request { early: false },
            request,
            response,
            inner: Some(inner),
            reads_on: false,
            request_through: false,
            input: [None, None],
            pending_head: None,
            woken: [true, false],
            signalled: false,
            out: [Outcome::default(), Outcome::default()],
            forwarded: None,
            delivered: None,
            left: false,
            shared,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.at, At::Over) && (!self.reads_on || self.out[0].end.is_some())
    }

    fn wake_all(&mut self) {
        self.signalled = true;
        self.woken = [true; 2];
    }

    /// Does the next thing that can be done; `false` if there is none.
    pub(super) fn step(&mut self) -> bool {
        let Some(task) = (0..2).find(|&task| self.woken[task]) else {
            return false;
        };
        // With both awake the tape says whose turn it is.
        let task = if self.woken == [true; 2] && self.shared.tape.once_in(2) {
            READER
        } else {
            task
        };
        self.woken[task] = false;
        self.shared.was_busy.set(false);
        self.shared.tell(|| format!("poll {task} at {:?}", self.at));
        if task == FUTURE {
            self.poll_future();
        } else {
            self.poll_reader();
        }
        if self.shared.was_busy.get() {
            // The VM becomes free, and wakes the task.
            self.woken[task] = true;
        }
        if self.stream.take_nudge() {
            self.wake_all();
        }
        true
    }

    fn poll_future(&mut self) {
        loop {
            let goes_on = match &self.at {
                At::Request { .. } => self.poll_request(),
                At::Inner => self.poll_inner(),
                At::Response { .. } => self.poll_response(),
                At::Body(kind) => self.poll_body(*kind),
                At::End => {
                    self.stream.begin_end();
                    if self.stream.poll_end(&mut cx()).is_ready() {
                        self.at = At::Over;
                    }
                    false
                }
                At::Over => false,
            };
            if !goes_on {
                return;
            }
        }
    }

    fn push_input(&mut self, direction: Direction) {
        if let Some((frame, last)) = self.input[direction.index()].take() {
            self.stream.push(direction, frame, last);
        }
    }

    fn poll_request(&mut self) -> bool {
        self.push_input(Direction::Request);
        match self.stream.poll_request(&mut cx()) {
            Poll::Pending => false,
            Poll::Ready(Verdict::NeedBody) => self.read_early(Direction::Request),
            Poll::Ready(Verdict::Reply) => {
                self.answer_without_inner();
                true
            }
            Poll::Ready(Verdict::Forward) => {
                self.forwarded = self.stream.forward();
                self.request_through = self.stream.request_passes_plugins();
                self.at = At::Inner;
                true
            }
        }
    }

    /// Reads a frame of a body that a plugin wants to see before the head goes on.
    fn read_early(&mut self, direction: Direction) -> bool {
        let (At::Request { early } | At::Response { early, .. }) = &mut self.at else {
            return false;
        };
        if !std::mem::replace(early, true) {
            return true;
        }
        let source = match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        };
        match source.poll() {
            Poll::Pending => false,
            Poll::Ready(input) => {
                self.input[direction.index()] = Some(input);
                true
            }
        }
    }

    /// The inner service, which reads what it wants to and answers then.
    fn poll_inner(&mut self) -> bool {
        let Some(inner) = &self.inner else {
            return false;
        };
        let (reads, answers) = (inner.reads, inner.answers);
        let mut read = 0;
        let mut waits = false;
        while read < reads && self.out[0].end.is_none() {
            if self.read_request().is_pending() {
                waits = true;
                break;
            }
            read += 1;
        }
        if !waits && answers {
            let inner = self.inner.take().expect("it was there");
            let small = !inner.head.headers.contains_key(CONTENT_LENGTH);
            let at_hand = small && self.shared.tape.once_in(2);
            self.pending_head = Some((inner.head, inner.ends));
            self.at = At::Response {
                at_hand,
                early: false,
            };
            // Whoever reads on does so in a task of its own; others drop the body.
            self.reads_on = inner.reads_on;
            self.woken[READER] = true;
            return true;
        }
        if let Some(inner) = &mut self.inner {
            inner.reads -= read.min(inner.reads);
        }
        if std::mem::take(&mut self.signalled) && self.stream.is_interrupted() {
            self.answer_without_inner();
            return true;
        }
        false
    }

    /// The inner service is not called, or dropped.
    fn answer_without_inner(&mut self) {
        self.inner = None;
        self.response = Source::default();
        self.at = At::Response {
            at_hand: false,
            early: false,
        };
    }

    fn poll_reader(&mut self) {
        if matches!(self.at, At::Inner) {
            // The inner service's future does it.
            self.woken[FUTURE] = true;
            return;
        }
        while self.reads_on && self.out[0].end.is_none() && self.read_request().is_ready() {}
    }

    /// One frame of the request's body, or its end, for the inner service.
    fn read_request(&mut self) -> Poll<()> {
        let frame = if self.request_through {
            std::task::ready!(self.poll_through(Direction::Request))
        } else {
            std::task::ready!(self.request.poll()).0.map(Ok)
        };
        self.out[0].accept(frame);
        Poll::Ready(())
    }

    /// As the service's bodies do it.
    fn poll_through(&mut self, direction: Direction) -> Poll<Option<Result<Frame<Bytes>, ()>>> {
        loop {
            if self.stream.is_body_over(direction) && self.input[direction.index()].is_none() {
                return Poll::Ready(None);
            }
            self.push_input(direction);
            match std::task::ready!(self.stream.poll_body(&mut cx(), direction)) {
                BodyStep::Data(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                BodyStep::Trailers(trailers) => {
                    return Poll::Ready(Some(Ok(Frame::trailers(*trailers))));
                }
                BodyStep::End => return Poll::Ready(None),
                BodyStep::Cut => return Poll::Ready(Some(Err(()))),
                BodyStep::NeedInput => {
                    let source = match direction {
                        Direction::Request => &mut self.request,
                        Direction::Response => &mut self.response,
                    };
                    let input = std::task::ready!(source.poll());
                    self.input[direction.index()] = Some(input);
                }
            }
        }
    }

    fn poll_response(&mut self) -> bool {
        if let Some((head, ends)) = self.pending_head.take()
            && !self.stream.is_interrupted()
        {
            self.stream.begin_response(head, ends);
        }
        self.push_input(Direction::Response);
        let At::Response { at_hand, .. } = self.at else {
            return false;
        };
        match self.stream.poll_response(&mut cx()) {
            Poll::Pending => false,
            Poll::Ready(Verdict::NeedBody) => self.read_early(Direction::Response),
            Poll::Ready(_) if at_hand && self.stream.response_takes_body() => {
                match self.response.poll() {
                    Poll::Ready(input) => {
                        self.input[1] = Some(input);
                        self.at = At::Response {
                            at_hand: true,
                            early: true,
                        };
                    }
                    Poll::Pending => {
                        self.at = At::Response {
                            at_hand: false,
                            early: true,
                        }
                    }
                }
                true
            }
            Poll::Ready(_) => {
                self.deliver();
                true
            }
        }
    }

    fn deliver(&mut self) {
        let (head, source) = self.stream.deliver();
        self.delivered = head;
        let kind = match source {
            BodySource::Inner => BodyKind::Direct,
            BodySource::InnerThroughPlugins => BodyKind::ThroughPlugins,
            BodySource::OwnThroughPlugins => {
                self.response = Source::default();
                BodyKind::ThroughPlugins
            }
            BodySource::Own(bytes) => {
                self.out[1].text += std::str::from_utf8(&bytes).expect("text");
                self.response = Source::default();
                BodyKind::Direct
            }
            BodySource::Cut => {
                self.out[1].end = Some(Ending::Cut);
                BodyKind::Direct
            }
        };
        self.at = At::Body(kind);
    }

    /// The client reads the response.
    fn poll_body(&mut self, kind: BodyKind) -> bool {
        while self.out[1].end.is_none() {
            let frame = match kind {
                BodyKind::Direct => self.response.poll().map(|(frame, _)| frame.map(Ok)),
                BodyKind::ThroughPlugins => self.poll_through(Direction::Response),
            };
            let Poll::Ready(frame) = frame else {
                return false;
            };
            self.out[1].accept(frame);
        }
        self.at = At::End;
        true
    }

    /// Something from outside the stream's own tasks.
    pub(super) fn disturb(&mut self) {
        let shared = Rc::clone(&self.shared);
        let tape = &shared.tape;
        let what = tape.below(10);
        shared.tell(|| format!("outside: {what}"));
        match what {
            0..=3 => {
                self.arrive();
            }
            4 | 5 => {
                let direction = tape.pick(&[Direction::Request, Direction::Response]);
                let wish = Wish::Resume(direction, tape.below(4));
                self.ask(wish);
            }
            6 => {
                let reply = LocalReply::from_guest(418, b"", b"out", &[], -1).expect("a valid one");
                self.ask(Wish::Reply(reply));
                shared.answers.borrow_mut().push(418);
                shared.may_cut.set(true);
            }
            7 => {
                let place = tape.below(shared.alive.borrow().len());
                shared.alive.borrow_mut()[place] = false;
                shared.answers.borrow_mut().push(503);
                shared.may_cut.set(true);
                self.wake_all();
            }
            8 => {
                self.expire();
            }
            _ => {
                if tape.once_in(8) {
                    self.leave();
                }
            }
        }
    }

    fn ask(&mut self, wish: Wish) {
        self.stream.with_exchange(|exchange| {
            exchange.ask(wish);
        });
        self.wake_all();
    }

    /// A frame of a body arrives; `false` when all have.
    pub(super) fn arrive(&mut self) -> bool {
        let mut arrived = false;
        for source in [&mut self.request, &mut self.response] {
            if source.arrived < source.frames.len() && !arrived {
                source.arrived += 1;
                arrived = true;
            }
            if source.arrived > 0 && std::mem::take(&mut source.awaited) {
                // Whoever waited is one of these.
                self.woken = [true; 2];
            }
        }
        arrived
    }

    /// The time of the oldest hold is up; `false` when there is none.
    pub(super) fn expire(&mut self) -> bool {
        let Some(pause) = self.stream.pauses().next() else {
            return false;
        };
        if self.stream.expire(pause) {
            self.shared.answers.borrow_mut().push(504);
            self.shared.may_cut.set(true);
            self.wake_all();
        }
        true
    }

    /// The client goes away.
    pub(super) fn leave(&mut self) {
        if !matches!(self.at, At::End | At::Over) {
            self.left = true;
            self.at = At::End;
            self.woken[FUTURE] = true;
        }
    }

    /// Whether what is missing is the inner service's answer, which never comes.
    pub(super) fn waits_for_inner(&self) -> bool {
        matches!(self.at, At::Inner) && self.inner.as_ref().is_some_and(|inner| !inner.answers)
    }
}
