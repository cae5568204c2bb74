//! A plugin that does what the tape says, and keeps a diary.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};

use super::super::*;
use super::tape::Tape;
use crate::abi::MapType;

/// The smaller one of the two limits on what a plugin may hold.
pub(super) const LIMIT: usize = 2;

/// One plugin.
#[derive(Debug)]
pub(super) struct Puppet {
    name: String,
    place: usize,
    terms: Terms,
    /// Which callbacks it has: headers, bodies and trailers of both directions, log, done.
    wants: [bool; 8],
    shared: Rc<Shared>,
}

/// What all plugins of a run, and the run itself, know.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) tape: Tape,
    pub(super) diaries: RefCell<Vec<Vec<Entry>>>,
    pub(super) alive: RefCell<Vec<bool>>,
    /// Plugins behave: they let everything go.
    pub(super) tame: Cell<bool>,
    /// No plugin edits a body.
    pub(super) pure: bool,
    /// What may have made the host answer by itself, or a plugin: the statuses that are to be expected.
    pub(super) answers: RefCell<Vec<u16>>,
    /// A plugin may have cut the stream, or been the cause of that.
    pub(super) may_cut: Cell<bool>,
    /// A plugin's VM was busy: the task that polled is to be polled again.
    pub(super) was_busy: Cell<bool>,
    /// The log of the run.
    pub(super) story: RefCell<Vec<String>>,
}

/// What a plugin saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) callback: Callback,
    /// The number of the entry among those of all plugins.
    pub(super) number: usize,
}

impl Shared {
    pub(super) fn tell(&self, what: impl FnOnce() -> String) {
        self.story.borrow_mut().push(what());
    }
}

impl Puppet {
    pub(super) fn new(place: usize, shared: &Rc<Shared>) -> Self {
        let tape = &shared.tape;
        shared.diaries.borrow_mut().push(Vec::new());
        shared.alive.borrow_mut().push(true);
        let terms = Terms {
            failure_policy: tape.pick(&[FailurePolicy::Closed, FailurePolicy::Open]),
            body_while_headers_wait: tape.once_in(3),
            body_before_inner: tape.once_in(4),
            max_buffered_body: tape.pick(&[usize::MAX, LIMIT]),
            header_values: crate::policy::HeaderValues::default(),
        };
        if terms.max_buffered_body == LIMIT {
            shared.may_cut.set(true);
        }
        Self {
            name: format!("p{place}"),
            place,
            terms,
            wants: std::array::from_fn(|_| !tape.once_in(5)),
            shared: Rc::clone(shared),
        }
    }

    fn die(&self) {
        self.shared.alive.borrow_mut()[self.place] = false;
    }

    fn reply(&self, exchange: &mut Exchange) {
        let status = self.shared.tape.pick(&[403, 429]);
        let body = self.shared.tape.pick(&["", "no"]);
        let reply = LocalReply::from_guest(status.into(), b"", body.as_bytes(), &[], -1);
        exchange.ask(Wish::Reply(reply.expect("a valid one")));
        // Also when it comes too late for another answer.
        self.shared.answers.borrow_mut().push(status);
        self.shared.may_cut.set(true);
    }

    fn edit(&self, exchange: &mut Exchange) {
        if self.shared.pure {
            return;
        }
        for direction in [Direction::Request, Direction::Response] {
            match self.shared.tape.below(3) {
                0 => exchange.splice(direction, 0, 0, "<".into()),
                1 => exchange.splice(direction, usize::MAX, 0, ">".into()),
                _ => exchange.splice(direction, 0, usize::MAX, "".into()),
            };
        }
        // A body that no longer has the length that its head promised.
        self.shared.may_cut.set(true);
    }

    /// Does something, and says what the callback returns.
    fn act(&mut self, exchange: &mut Exchange) -> Result<Action, Failed> {
        let shared = Rc::clone(&self.shared);
        if shared.tame.get() {
            return Ok(Action::Continue);
        }
        let deed = shared.tape.below(16);
        shared.tell(|| format!("  {} does {deed}", self.name));
        match deed {
            0..=4 => Ok(Action::Continue),
            5 | 6 => Ok(Action::Pause),
            7 => {
                self.reply(exchange);
                Ok(shared.tape.pick(&[Action::Pause, Action::Continue]))
            }
            8 => {
                exchange.ask(Wish::Resume(Direction::Request, self.place));
                exchange.ask(Wish::Resume(Direction::Response, self.place));
                Ok(Action::Pause)
            }
            9 => {
                let direction = shared.tape.pick(&[Direction::Request, Direction::Response]);
                exchange.ask(Wish::Resume(direction, shared.tape.below(4)));
                Ok(shared.tape.pick(&[Action::Continue, Action::Pause]))
            }
            10 => {
                exchange.ask(Wish::Cut);
                shared.may_cut.set(true);
                Ok(Action::Continue)
            }
            11 => {
                for map in [MapType::RequestHeaders, MapType::ResponseHeaders] {
                    if let Ok(mut map) = exchange.map_mut(map) {
                        map.add(b"x-edited", b"1").expect("a header");
                    }
                }
                self.edit(exchange);
                if shared.tape.once_in(2) {
                    self.reply(exchange);
                }
                self.die();
                Err(Failed)
            }
            // The callback is not made, though the VM lives.
            12 => Err(Failed),
            13 => {
                self.edit(exchange);
                Ok(shared.tape.pick(&[Action::Continue, Action::Pause]))
            }
            14 => {
                if shared.tape.once_in(2) {
                    if exchange.request_open {
                        exchange.request.path_removed = true;
                        shared.answers.borrow_mut().push(503);
                    }
                } else if exchange.response_open
                    && let Some(response) = &mut exchange.response
                {
                    response.status = None;
                    shared.answers.borrow_mut().push(502);
                    shared.may_cut.set(true);
                }
                Ok(Action::Continue)
            }
            _ => {
                if !shared.pure {
                    for map in [MapType::RequestTrailers, MapType::ResponseTrailers] {
                        if let Ok(mut map) = exchange.map_mut(map) {
                            map.add(b"x-made", b"1").expect("a header");
                        }
                    }
                }
                Ok(Action::Continue)
            }
        }
    }
}

impl Guest for Puppet {
    fn wants(&self, callback: Callback) -> bool {
        match callback {
            Callback::Headers(direction, _) => self.wants[direction.index()],
            Callback::Body(direction, _) => self.wants[2 + direction.index()],
            Callback::Trailers(direction) => self.wants[4 + direction.index()],
            Callback::Log => self.wants[6],
            Callback::Done => self.wants[7],
            Callback::Create | Callback::Delete => true,
        }
    }

    fn terms(&self) -> Terms {
        self.terms
    }

    fn is_alive(&self) -> bool {
        self.shared.alive.borrow()[self.place]
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn resumed_nothing(&self, _: Direction) {}

    fn poll_enter(
        &mut self,
        _: &mut Context<'_>,
        callbacks: &[Callback],
        mut exchange: Box<Exchange>,
    ) -> (Box<Exchange>, Poll<Result<Action, Failed>>) {
        let shared = Rc::clone(&self.shared);
        if !self.is_alive() {
            // As the VM's lock says it.
            return (exchange, Poll::Ready(Err(Failed)));
        }
        if !shared.tame.get() && shared.tape.once_in(12) {
            shared.was_busy.set(true);
            return (exchange, Poll::Pending);
        }
        let ends = callbacks
            .iter()
            .any(|callback| matches!(callback, Callback::Log | Callback::Done | Callback::Delete));
        let result = if ends {
            // Nothing that it asks for now has an effect.
            let mut result = self.act(&mut exchange);
            if result.is_err() && self.is_alive() {
                result = Ok(Action::Continue);
            }
            result
        } else {
            self.act(&mut exchange)
        };
        if result.is_err() {
            // The host answers a failure with 503, or cuts.
            shared.answers.borrow_mut().push(503);
            shared.may_cut.set(true);
            if self.is_alive() {
                return (exchange, Poll::Ready(result));
            }
        }
        let mut diaries = shared.diaries.borrow_mut();
        for &callback in callbacks {
            let number = diaries.iter().map(Vec::len).sum();
            shared.tell(|| format!("  {} saw {callback:?}", self.name));
            diaries[self.place].push(Entry { callback, number });
        }
        (exchange, Poll::Ready(result))
    }
}
