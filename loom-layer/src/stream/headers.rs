//! Headers on their way through the plugins, and local replies.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::StatusCode;

use super::flow::Piece;
use super::guest::{Callback, End, Failed, Guest};
use super::head::ResponseHead;
use super::{Buffer, Direction, Exchange, LocalReply, Stage, Stream, details};
use crate::abi::Action;
use crate::afterwards::afterwards;
use crate::policy::FailurePolicy;

/// What the request callbacks decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The request goes to the inner service: take its head with [`Stream::forward`].
    Forward,
    /// The stream is answered without it: go on with [`Stream::poll_response`].
    Reply,
    /// A plugin wants to see more of the body before it decides: give it with [`Stream::push`].
    NeedBody,
}

impl<G: Guest> Stream<G> {
    /// Runs the request callbacks.
    pub(crate) fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
        while let Stage::Request { next, paused } = self.stage {
            let reached = if paused { next + 1 } else { next };
            if self.begin_reply(reached) {
                break;
            }
            if self.cut {
                return Poll::Ready(Verdict::Reply);
            }
            if paused {
                if let Some(verdict) = ready!(self.poll_held_request(cx, next)) {
                    return Poll::Ready(verdict);
                }
            } else if next < self.filters.len() {
                ready!(self.poll_request_headers(cx, next));
            } else if !self.request_is_complete() {
                self.refuse_incomplete_request();
            } else if let Some(verdict) = ready!(self.poll_before_inner(cx)) {
                return Poll::Ready(verdict);
            }
        }
        Poll::Ready(Verdict::Reply)
    }

    /// The plugin `at` holds the request's headers: on the word of another callback, or (in the mode for that) after it has
    /// seen the body, they go on.
    fn poll_held_request(&mut self, cx: &mut Context<'_>, at: usize) -> Poll<Option<Verdict>> {
        if !self.filters[at].guest.is_alive() {
            self.fail_request(at);
            return Poll::Ready(None);
        }
        if !self.gets_body_anyway(Direction::Request, at) {
            return Poll::Pending;
        }
        self.poll_held_body(
            cx,
            Direction::Request,
            |stage| matches!(stage, Stage::Request { next, paused: true } if *next == at),
        )
    }

    /// All plugins let the headers go; one may want the inner service to wait for the body.
    fn poll_before_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Verdict>> {
        let waits = !self.request_ends
            && self.wants_body(Direction::Request)
            && self
                .filters
                .iter()
                .any(|filter| filter.guest.terms().body_before_inner);
        if waits {
            ready!(self.poll_flows(cx, Direction::Request));
            // A body callback may take the head apart, too.
            if self.has_wishes() || !self.request_is_complete() {
                return Poll::Ready(None);
            }
            let course = self.course_mut(Direction::Request);
            if !course.has_output() && !course.is_over() {
                if course.input_ended {
                    return Poll::Pending;
                }
                return Poll::Ready(Some(Verdict::NeedBody));
            }
        }
        self.stage = Stage::Inner;
        Poll::Ready(Some(Verdict::Forward))
    }

    fn poll_request_headers(&mut self, cx: &mut Context<'_>, at: usize) -> Poll<()> {
        let callback = Callback::Headers(Direction::Request, End::from(self.request_ends));
        if !self.wants(at, callback) {
            self.stage = Stage::Request {
                next: at + 1,
                paused: false,
            };
            return Poll::Ready(());
        }
        if self.refuse(at, Direction::Request, Direction::Request.headers()) {
            return Poll::Ready(());
        }
        let before = self.snapshot_before(at, |exchange| exchange.request.clone());
        match ready!(self.poll_callback(cx, at, callback)) {
            Ok(Action::Continue) => {
                self.stage = Stage::Request {
                    next: at + 1,
                    paused: false,
                }
            }
            Ok(Action::Pause) => {
                self.filters[at].holds[Direction::Request.index()] += 1;
                self.stage = Stage::Request {
                    next: at,
                    paused: true,
                }
            }
            Err(Failed) => {
                if let (Some(before), Some(exchange)) = (before, self.exchange.as_mut()) {
                    exchange.request = before;
                }
                self.fail_request(at);
            }
        }
        Poll::Ready(())
    }

    fn fail_request(&mut self, at: usize) {
        self.stage = Stage::Request {
            next: at,
            paused: false,
        };
        if self.fail(at) == FailurePolicy::Open {
            self.resume(Direction::Request, at);
            self.stage = Stage::Request {
                next: at + 1,
                paused: false,
            };
        }
    }

    /// Runs the response callbacks. Ready without `NeedBody`, the head is taken with [`Stream::deliver`].
    pub(crate) fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
        while let Stage::Response {
            next, paused, ends, ..
        } = self.stage
        {
            if self.replace_response() || self.cut {
                break;
            }
            let Some(at) = next.checked_sub(1) else {
                if !self.response_is_complete() {
                    self.replace_incomplete_response();
                    continue;
                }
                return self.poll_own_body(cx);
            };
            if paused {
                if let Some(verdict) = ready!(self.poll_held_response(cx, at)) {
                    return Poll::Ready(verdict);
                }
            } else {
                ready!(self.poll_response_headers(cx, at, ends));
            }
        }
        Poll::Ready(Verdict::Reply)
    }

    /// A body of our own passes the plugins before its head goes out, since its length can then still be corrected.
    fn poll_own_body(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
        let Stage::Response {
            own_body: Some(body),
            ..
        } = &mut self.stage
        else {
            // What was read early of the inner service's body passes on; nobody waits here for the rest.
            ready!(self.poll_flows(cx, Direction::Response));
            self.replace_unfit_response();
            return Poll::Ready(Verdict::Forward);
        };
        let body = std::mem::take(body);
        if !body.is_empty() {
            if self.wants_body(Direction::Response) {
                let buffer = Buffer::from(body);
                self.push_piece(Direction::Response, Piece::Data { buffer, last: true });
            } else if let Stage::Response { own_body, .. } = &mut self.stage {
                *own_body = Some(body);
                return Poll::Ready(Verdict::Forward);
            }
        }
        ready!(self.poll_flows(cx, Direction::Response));
        self.replace_unfit_response();
        match &self.courses[Direction::Response.index()] {
            Some(course) if !course.has_output() && !course.is_over() && !self.cut => Poll::Pending,
            _ => Poll::Ready(Verdict::Forward),
        }
    }

    fn poll_held_response(&mut self, cx: &mut Context<'_>, at: usize) -> Poll<Option<Verdict>> {
        if !self.filters[at].guest.is_alive() {
            self.fail_response(at);
            return Poll::Ready(None);
        }
        if !self.gets_body_anyway(Direction::Response, at) {
            return Poll::Pending;
        }
        self.poll_held_body(
            cx,
            Direction::Response,
            |stage| matches!(stage, Stage::Response { next, paused: true, .. } if *next == at + 1),
        )
    }

    /// Shows a plugin that holds headers the body. `None`: something changed, look again.
    fn poll_held_body(
        &mut self,
        cx: &mut Context<'_>,
        direction: Direction,
        still_holds: impl FnOnce(&Stage) -> bool,
    ) -> Poll<Option<Verdict>> {
        ready!(self.poll_flows(cx, direction));
        if self.has_wishes() || !still_holds(&self.stage) {
            return Poll::Ready(None);
        }
        if self.nothing_follows(direction) {
            return Poll::Pending;
        }
        Poll::Ready(Some(Verdict::NeedBody))
    }

    /// Whether all of a body has entered, or there is none.
    pub(super) fn nothing_follows(&self, direction: Direction) -> bool {
        let ends = match (&self.stage, direction) {
            (_, Direction::Request) => self.request_ends,
            (Stage::Response { ends, own_body, .. }, Direction::Response) => {
                *ends || own_body.is_some()
            }
            _ => true,
        };
        ends || self.courses[direction.index()]
            .as_ref()
            .is_some_and(|course| course.input_ended)
    }

    fn poll_response_headers(&mut self, cx: &mut Context<'_>, at: usize, ends: bool) -> Poll<()> {
        let callback = Callback::Headers(Direction::Response, End::from(ends));
        if !self.wants(at, callback) {
            self.move_response(at, false);
            return Poll::Ready(());
        }
        if self.refuse(at, Direction::Response, Direction::Response.headers()) {
            return Poll::Ready(());
        }
        let before = self.snapshot_before(at, |exchange| exchange.response.clone());
        match ready!(self.poll_callback(cx, at, callback)) {
            Ok(Action::Continue) => self.move_response(at, false),
            Ok(Action::Pause) => {
                self.filters[at].holds[Direction::Response.index()] += 1;
                self.move_response(at + 1, true);
            }
            Err(Failed) => {
                if let (Some(before), Some(exchange)) = (before, self.exchange.as_mut()) {
                    exchange.response = before;
                }
                self.fail_response(at);
            }
        }
        Poll::Ready(())
    }

    fn fail_response(&mut self, at: usize) {
        if self.fail(at) == FailurePolicy::Open {
            self.resume(Direction::Response, at);
            self.move_response(at, false);
        }
    }

    /// A copy of what the callback may edit, if a failure is to be undone.
    fn snapshot_before<T>(&self, at: usize, copy: impl FnOnce(&Exchange) -> T) -> Option<T> {
        (self.filters[at].guest.terms().failure_policy == FailurePolicy::Open)
            .then(|| self.exchange.as_deref().map(copy))
            .flatten()
    }

    /// Whether a local reply or a cut waits to be acted on.
    pub(super) fn has_wishes(&self) -> bool {
        self.cut
            || self
                .exchange
                .as_ref()
                .is_none_or(|exchange| exchange.wishes.reply.is_some())
    }

    /// Turns a recorded local reply into the response; it passes the response callbacks of the plugins that the request
    /// has `reached`, the one that replied among them, as in Envoy.
    pub(super) fn begin_reply(&mut self, reached: usize) -> bool {
        let Some(exchange) = self.exchange.as_mut() else {
            // A panic lost the exchange; the future turns that into an answer.
            self.stage = Stage::Delivered;
            return true;
        };
        let Some(reply) = exchange.wishes.reply.take() else {
            return false;
        };
        self.set_response(reply, reached);
        true
    }

    /// Puts a local reply that was recorded by a response callback into the response's place. The plugins that it has not
    /// reached do not see it, as in Envoy.
    fn replace_response(&mut self) -> bool {
        let Some(exchange) = self.exchange.as_mut() else {
            return true;
        };
        let Some(reply) = exchange.wishes.reply.take() else {
            return false;
        };
        self.replace_with(reply);
        true
    }

    fn replace_with(&mut self, reply: LocalReply) {
        // What plugins still hold, or have not seen, of the other response's body goes with it.
        self.courses[Direction::Response.index()] = None;
        for filter in &mut self.filters {
            filter.flows[Direction::Response.index()] = None;
        }
        self.set_response(reply, 0);
    }

    fn set_response(&mut self, reply: LocalReply, next: usize) {
        let Some(exchange) = self.exchange.as_mut() else {
            return;
        };
        exchange.request_open = false;
        exchange.response_open = true;
        exchange.details = Some(reply.details().clone());
        exchange.local_reply = Some(reply.info());
        let (head, body): (ResponseHead, Bytes) = exchange.respond(reply);
        exchange.response = Some(head);
        self.response_from = next;
        self.stage = Stage::Response {
            next,
            paused: false,
            ends: body.is_empty(),
            own_body: Some(body),
        };
    }

    /// Body callbacks that run before the head is out may reply, and edit the head.
    fn replace_unfit_response(&mut self) {
        if !self.replace_response() && !self.response_is_complete() {
            self.replace_incomplete_response();
        }
    }

    fn refuse_incomplete_request(&mut self) {
        let plugin = self.names();
        afterwards(
            move || tracing::warn!(target: "loom::stream", plugin, "a plugin left a request without `:method` or `:path`; it is answered with 503"),
        );
        self.answer(LocalReply::failure(
            StatusCode::SERVICE_UNAVAILABLE,
            details::REQUEST_INCOMPLETE,
        ));
    }

    fn replace_incomplete_response(&mut self) {
        let plugin = self.names();
        afterwards(
            move || tracing::warn!(target: "loom::stream", plugin, "a plugin left a response without a `:status` of 200 or more; it is answered with 502"),
        );
        self.replace_with(LocalReply::failure(
            StatusCode::BAD_GATEWAY,
            details::RESPONSE_INCOMPLETE,
        ));
    }

    fn request_is_complete(&self) -> bool {
        self.exchange
            .as_ref()
            .is_none_or(|exchange| exchange.request.is_complete())
    }

    fn response_is_complete(&self) -> bool {
        self.exchange
            .as_ref()
            .and_then(|exchange| exchange.response.as_ref())
            .is_some_and(ResponseHead::is_complete)
    }
}
