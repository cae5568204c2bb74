//! Bodies and trailers on their way through the plugins.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::exchange::Part;
use super::flow::{Course, Flow, Output, Piece};
use super::guest::{Callback, End, Failed, Guest};
use super::{Buffer, Direction, Filter, FilterState, LocalReply, Stage, Stream, details};
use crate::abi::Action;
use crate::afterwards::afterwards;
use crate::policy::FailurePolicy;

/// What comes next of a body.
#[derive(Debug)]
pub(crate) enum BodyStep {
    Data(Bytes),
    Trailers(Box<HeaderMap>),
    /// It is over.
    End,
    /// Give more, with [`Stream::push`].
    NeedInput,
    /// It ends here, as a broken connection does.
    Cut,
}

impl<G: Guest> Stream<G> {
    /// Whether a plugin looks at the body or the trailers of a direction.
    pub(crate) fn wants_body(&self, direction: Direction) -> bool {
        (0..self.filters.len()).any(|at| self.takes_part(direction, at))
    }

    /// Whether a plugin that holds headers gets the body meanwhile. One that does not look at it does not: the body would
    /// only pile up behind it.
    pub(super) fn gets_body_anyway(&self, direction: Direction, at: usize) -> bool {
        self.filters[at].guest.terms().body_while_headers_wait && self.takes_part(direction, at)
    }

    fn takes_part(&self, direction: Direction, at: usize) -> bool {
        let reached = match direction {
            Direction::Request => true,
            Direction::Response => at < self.response_from,
        };
        let wants = |callback| self.wants(at, callback);
        // What waits at a plugin that failed has to leave before anything overtakes it.
        let waits = || {
            self.filters[at].flows[direction.index()]
                .as_ref()
                .is_some_and(|flow| flow.has_something())
        };
        reached
            && (wants(Callback::Body(direction, End::Open))
                || wants(Callback::Trailers(direction))
                || waits())
    }

    /// Gives the next frame of a body to the plugins. `None` is its end; `last` says that the end follows the data.
    pub(crate) fn push(
        &mut self,
        direction: Direction,
        frame: Option<http_body::Frame<Bytes>>,
        last: bool,
    ) {
        let piece = match frame.map(http_body::Frame::into_data) {
            None => Piece::Data {
                buffer: Buffer::default(),
                last: true,
            },
            Some(Ok(data)) => {
                if let (Direction::Request, Some(exchange)) = (direction, self.exchange.as_mut()) {
                    exchange.facts.received += data.len() as u64;
                }
                Piece::Data {
                    buffer: data.into(),
                    last,
                }
            }
            Some(Err(frame)) => match frame.into_trailers() {
                Ok(trailers) => Piece::Trailers(Box::new(trailers)),
                // There is no third kind of frame yet; one that this version does not know is left out.
                Err(_) => return,
            },
        };
        self.push_piece(direction, piece);
    }

    pub(super) fn push_piece(&mut self, direction: Direction, piece: Piece) {
        let ends = matches!(piece, Piece::Data { last: true, .. } | Piece::Trailers(_));
        self.course_mut(direction).input_ended |= ends;
        match direction {
            Direction::Request => self.pass_on(direction, 0..self.filters.len(), piece),
            Direction::Response => self.pass_on(direction, (0..self.response_from).rev(), piece),
        }
    }

    /// Gives a piece to the first of these plugins that takes part, or to the far end.
    fn pass_on(
        &mut self,
        direction: Direction,
        mut plugins: impl Iterator<Item = usize>,
        piece: Piece,
    ) {
        match plugins.find(|&at| self.takes_part(direction, at)) {
            Some(at) => self.flow_mut(direction, at).inbox.push_back(piece),
            None => self.course_mut(direction).push(piece),
        }
    }

    /// The next piece of a body that has passed all plugins. When the stream ends, the plugins see nothing more, so nothing
    /// more passes them.
    pub(crate) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<BodyStep> {
        if self.cut || self.exchange.is_none() {
            return Poll::Ready(BodyStep::Cut);
        }
        let ends = self.is_ending();
        if !ends {
            ready!(self.poll_flows(cx, direction));
        }
        if self.has_wishes() {
            // The answer to the client is another one now; what reads this body is dropped or told so.
            return Poll::Ready(BodyStep::Cut);
        }
        let course = self.course_mut(direction);
        match course.take() {
            Output::Data(data) => {
                if let (Direction::Response, Some(exchange)) = (direction, self.exchange.as_mut()) {
                    exchange.facts.sent += data.len() as u64;
                }
                Poll::Ready(BodyStep::Data(data))
            }
            Output::Trailers(trailers) => Poll::Ready(BodyStep::Trailers(trailers)),
            Output::End => Poll::Ready(BodyStep::End),
            Output::BrokenPromise { promised, sent } => {
                let plugin = self.names();
                afterwards(move || {
                    tracing::error!(
                        target: "loom::stream",
                        plugin,
                        ?direction,
                        promised,
                        sent,
                        "a plugin changed the length of a body whose content-length was on its way; cutting the stream. \
                         Remove content-length in the headers callback"
                    );
                });
                self.cut = true;
                Poll::Ready(BodyStep::Cut)
            }
            Output::Empty if ends => Poll::Ready(BodyStep::Cut),
            Output::Empty if course.input_ended => Poll::Pending,
            Output::Empty => Poll::Ready(BodyStep::NeedInput),
        }
    }

    /// Whether nothing of a body can be taken before more of it enters.
    pub(crate) fn is_hungry(&self, direction: Direction) -> bool {
        self.courses[direction.index()]
            .as_ref()
            .is_none_or(|course| !course.has_output() && !course.input_ended)
    }

    /// Whether the last piece of a body was taken.
    pub(crate) fn is_body_over(&self, direction: Direction) -> bool {
        self.courses[direction.index()]
            .as_ref()
            .is_some_and(Course::is_over)
    }

    /// Shows the plugins what has reached them, as far as it goes.
    pub(super) fn poll_flows(&mut self, cx: &mut Context<'_>, direction: Direction) -> Poll<()> {
        self.drop_dead_holds(direction);
        while !self.has_wishes()
            && let Some(at) = self.next_due(direction)
        {
            ready!(self.poll_due(cx, direction, at));
        }
        Poll::Ready(())
    }

    /// Ends the holds of plugins whose VM failed meanwhile: nothing would ever resume them.
    fn drop_dead_holds(&mut self, direction: Direction) {
        for at in 0..self.filters.len() {
            let filter = &self.filters[at];
            let holds = filter.flows[direction.index()]
                .as_ref()
                .is_some_and(|flow| flow.paused);
            if holds
                && filter.state == FilterState::Live
                && !filter.guest.is_alive()
                && self.fail(at) == FailurePolicy::Open
            {
                self.let_go(direction, at);
            }
        }
    }

    fn next_due(&self, direction: Direction) -> Option<usize> {
        let index = direction.index();
        let has_work = |filter: &Filter<G>| {
            filter.flows[index]
                .as_ref()
                .is_some_and(|flow| !flow.inbox.is_empty())
        };
        let ready = |at: &usize| has_work(&self.filters[*at]) && self.headers_allow(direction, *at);
        // The one that is farthest on the way comes first, so that a piece passes all before the next one enters.
        match direction {
            Direction::Request => (0..self.filters.len()).rev().find(ready),
            Direction::Response => (0..self.filters.len()).find(ready),
        }
    }

    /// Whether a plugin may get the body: it let the headers go, or gets it although it holds them.
    fn headers_allow(&self, direction: Direction, at: usize) -> bool {
        let body_anyway = || self.gets_body_anyway(direction, at);
        match (direction, &self.stage) {
            (Direction::Request, &Stage::Request { next, paused }) => {
                at < next || (at == next && paused && body_anyway())
            }
            (Direction::Response, &Stage::Response { next, paused, .. }) => {
                at >= next || (at + 1 == next && paused && body_anyway())
            }
            (Direction::Response, Stage::Request { .. } | Stage::Inner) => false,
            _ => true,
        }
    }

    /// Shows a plugin the next piece that has reached it, together with what it holds.
    fn poll_due(&mut self, cx: &mut Context<'_>, direction: Direction, at: usize) -> Poll<()> {
        let flow = self.flow_mut(direction, at);
        let held = flow.held.len();
        let (callback, open) = match flow.inbox.pop_front() {
            None => return Poll::Ready(()),
            Some(Piece::Data { buffer, last }) => {
                flow.held.append(buffer);
                flow.last = last;
                (Callback::Body(direction, End::from(last)), last)
            }
            Some(Piece::Trailers(trailers)) => {
                flow.trailers = Some(trailers);
                (Callback::Trailers(direction), true)
            }
        };
        let is_body = matches!(callback, Callback::Body(..));
        if !self.wants(at, callback) {
            self.let_go(direction, at);
            return Poll::Ready(());
        }
        let policy = self.filters[at].guest.terms().failure_policy;
        let keep = self.filters[at].guest.wants(Callback::Log);
        let flow = self.flow_mut(direction, at);
        let lent = Part {
            buffer: std::mem::take(&mut flow.held),
            added: 0,
            trailers: flow.trailers.take(),
        };
        let before = (policy == FailurePolicy::Open).then(|| lent.clone());
        if let Some(exchange) = self.exchange.as_mut() {
            exchange.lend(direction, lent, open);
        }
        if !is_body && self.refuse(at, direction, direction.trailers()) {
            if let Some(exchange) = self.exchange.as_mut() {
                exchange.take_back(direction, false);
            }
            return Poll::Ready(());
        }
        let result = self.poll_callback(cx, at, callback);
        let Some(exchange) = self.exchange.as_mut() else {
            return Poll::Ready(());
        };
        let (part, edited) = exchange.take_back(direction, keep && result.is_ready());
        let (mut buffer, trailers) = (part.buffer, part.trailers);
        let flow = self.flow_mut(direction, at);
        let Poll::Ready(result) = result else {
            // Nothing ran: everything is as it was.
            let last = std::mem::take(&mut flow.last);
            flow.inbox.push_front(match trailers {
                Some(trailers) if !is_body => Piece::Trailers(trailers),
                _ => Piece::Data {
                    buffer: buffer.split_off(held),
                    last,
                },
            });
            flow.held = buffer;
            return Poll::Pending;
        };
        flow.held = buffer;
        flow.added = part.added;
        // A body's last callback may have written trailers where there were none.
        flow.trailers = trailers.filter(|trailers| !is_body || !trailers.is_empty());
        self.course_mut(direction).edited |= edited;
        match result {
            Ok(Action::Continue) => self.let_go(direction, at),
            Ok(Action::Pause) => self.hold(direction, at),
            Err(Failed) => {
                if let Some(before) = before {
                    let flow = self.flow_mut(direction, at);
                    (flow.held, flow.trailers) = (before.buffer, before.trailers);
                }
                if self.fail(at) == FailurePolicy::Open {
                    self.let_go(direction, at);
                }
            }
        }
        Poll::Ready(())
    }

    /// The plugin keeps what it has, up to its limit.
    fn hold(&mut self, direction: Direction, at: usize) {
        if !self.holds(direction, at) {
            self.filters[at].holds[direction.index()] += 1;
        }
        let flow = self.flow_mut(direction, at);
        flow.paused = true;
        self.bound_hold(direction, at);
    }

    /// Answers the stream when a plugin holds more than it may.
    fn bound_hold(&mut self, direction: Direction, at: usize) {
        let limit = self.filters[at].guest.terms().max_buffered_body;
        if self.flow_mut(direction, at).held.len() <= limit {
            return;
        }
        let plugin = self.filters[at].guest.name().to_owned();
        afterwards(
            move || tracing::warn!(target: "loom::stream", plugin, ?direction, limit, "a plugin holds more of a body than its max_buffered_body"),
        );
        let (status, details) = match direction {
            Direction::Request => (StatusCode::PAYLOAD_TOO_LARGE, details::REQUEST_TOO_LARGE),
            Direction::Response => (
                StatusCode::INTERNAL_SERVER_ERROR,
                details::RESPONSE_TOO_LARGE,
            ),
        };
        let reply = LocalReply::failure(status, details).by(self.filters[at].guest.name());
        self.answer(reply);
    }

    /// Puts what a plugin holds into its hands outside of its callbacks; see [`Self::take_held_back`].
    pub(super) fn lend_held(&mut self, direction: Direction, at: usize) {
        let Some(flow) = self.held(direction, at) else {
            return;
        };
        let part = Part {
            buffer: std::mem::take(&mut flow.held),
            added: flow.added,
            trailers: flow.trailers.take(),
        };
        let open = flow.last || part.trailers.is_some();
        if let Some(exchange) = self.exchange.as_mut() {
            exchange.lend(direction, part, open);
        }
    }

    /// Takes it back, edited or not.
    pub(super) fn take_held_back(&mut self, direction: Direction, at: usize) {
        if self.held(direction, at).is_none() {
            return;
        }
        let keep = self.filters[at].guest.wants(Callback::Log);
        let Some(exchange) = self.exchange.as_mut() else {
            return;
        };
        let (part, edited) = exchange.take_back(direction, keep);
        let flow = self.flow_mut(direction, at);
        flow.held = part.buffer;
        flow.added = part.added;
        flow.trailers = part.trailers;
        if edited {
            self.course_mut(direction).edited = true;
            self.bound_hold(direction, at);
        }
    }

    /// The flow of a plugin that holds some of it.
    fn held(&mut self, direction: Direction, at: usize) -> Option<&mut Flow> {
        let filter = self.filters.get_mut(at)?;
        filter.flows[direction.index()]
            .as_deref_mut()
            .filter(|flow| flow.paused)
    }

    /// A plugin lets go of a body, and with that of the headers that it may still hold.
    fn let_go(&mut self, direction: Direction, at: usize) {
        self.release(direction, at);
        match (direction, &self.stage) {
            (Direction::Request, &Stage::Request { next, paused: true }) if next == at => {
                self.stage = Stage::Request {
                    next: at + 1,
                    paused: false,
                };
            }
            (
                Direction::Response,
                &Stage::Response {
                    next, paused: true, ..
                },
            ) if next == at + 1 => {
                self.move_response(at, false);
            }
            _ => {}
        }
    }

    /// Passes on what a plugin holds of a body.
    pub(super) fn release(&mut self, direction: Direction, at: usize) {
        let flow = self
            .filters
            .get_mut(at)
            .and_then(|filter| filter.flows[direction.index()].as_mut());
        let Some(flow) = flow else {
            return;
        };
        for piece in flow.release() {
            match direction {
                Direction::Request => self.pass_on(direction, at + 1..self.filters.len(), piece),
                Direction::Response => self.pass_on(direction, (0..at).rev(), piece),
            }
        }
    }

    pub(super) fn course_mut(&mut self, direction: Direction) -> &mut Course {
        self.courses[direction.index()].get_or_insert_default()
    }

    fn flow_mut(&mut self, direction: Direction, at: usize) -> &mut Flow {
        self.filters[at].flows[direction.index()].get_or_insert_default()
    }
}
