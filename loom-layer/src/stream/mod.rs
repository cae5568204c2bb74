//! The HTTP stream state machine: one exchange, walked through N plugins.
//!
//! ```text
//! create, request headers   plugin 0 -> N-1       inner service       response headers   plugin N-1 -> 0
//! log 0 -> N-1, then done and delete 0 -> N-1
//! ```
//! Plain Rust: it knows neither wasm nor bodies' types, polls its guests, and is tested with scripted ones.

mod exchange;
mod guest;
mod head;
mod property;
mod reply;
#[cfg(test)]
mod tests;

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::StatusCode;
use smallvec::SmallVec;

#[cfg(test)]
pub(crate) use exchange::unreachable;
pub(crate) use exchange::{Exchange, Remote};
pub(crate) use guest::{Callback, Failed, Guest};
pub(crate) use head::{Map, RequestHead, ResponseHead};
pub(crate) use property::{PluginNames, property};
pub(crate) use reply::LocalReply;

use crate::abi::{Action, StreamType};
use crate::policy::FailurePolicy;

/// Short codes of what the host answers by itself; the first three are Envoy's.
pub(crate) mod details {
    pub(crate) const FAILED: &str = "wasm_fail_stream";
    pub(crate) const REQUEST_INCOMPLETE: &str = "filter_removed_required_request_headers";
    pub(crate) const RESPONSE_INCOMPLETE: &str = "filter_removed_required_response_headers";
    pub(crate) const PAUSE_TIMEOUT: &str = "wasm_pause_timeout";
    pub(crate) const VIA_UPSTREAM: &str = "via_upstream";
}

/// What the request callbacks decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestVerdict {
    /// The request goes to the inner service: take its head with [`Stream::forward`].
    Forward,
    /// The stream is answered without it: go on with [`Stream::poll_response`].
    Reply,
}

/// A plugin's hold on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    stream: StreamType,
    at: usize,
}

/// One exchange on its way through the plugins of a chain.
#[derive(Debug)]
pub(crate) struct Stream<G> {
    /// In a guest's hands while a callback runs; gone for good if that panicked.
    exchange: Option<Box<Exchange>>,
    filters: SmallVec<[Filter<G>; 2]>,
    stage: Stage,
    request_ends: bool,
}

#[derive(Debug)]
struct Filter<G> {
    guest: G,
    state: FilterState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FilterState {
    /// No context yet.
    Fresh,
    /// The context exists.
    Live,
    /// The VM failed, or the context was deleted: never enter again.
    Gone,
}

#[derive(Debug)]
enum Stage {
    /// Request headers, at the plugin of this index.
    Request { next: usize, paused: bool },
    /// The inner service has the request.
    Inner,
    /// Response headers, at the plugin before this index. A response of our own has its body here.
    Response {
        next: usize,
        paused: bool,
        own_body: Option<Bytes>,
        ends: bool,
    },
    /// The response is on its way.
    Delivered,
    /// Log callbacks.
    Logging { next: usize },
    /// Done and delete callbacks.
    Finishing { next: usize },
    /// All is over.
    Ended,
}

impl<G: Guest> Stream<G> {
    /// A stream before its first callback. `request_ends`: neither body nor trailers follow the request's headers.
    pub(crate) fn new(
        exchange: Box<Exchange>,
        guests: impl IntoIterator<Item = G>,
        request_ends: bool,
    ) -> Self {
        Self {
            exchange: Some(exchange),
            filters: guests
                .into_iter()
                .map(|guest| Filter {
                    guest,
                    state: FilterState::Fresh,
                })
                .collect(),
            stage: Stage::Request {
                next: 0,
                paused: false,
            },
            request_ends,
        }
    }

    /// The exchange, unless a panic lost it.
    pub(crate) fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        self.exchange.as_deref_mut()
    }

    /// Runs the request callbacks.
    pub(crate) fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<RequestVerdict> {
        while let Stage::Request { next, paused } = self.stage {
            if self.begin_reply(next) {
                break;
            }
            if paused {
                if !self.filters[next].guest.is_alive() {
                    self.stage = Stage::Request {
                        next,
                        paused: false,
                    };
                    self.fail(next, None);
                } else if self.take_resume(StreamType::Request) {
                    self.stage = Stage::Request {
                        next: next + 1,
                        paused: false,
                    };
                } else {
                    return Poll::Pending;
                }
                continue;
            }
            if next == self.filters.len() {
                if self
                    .exchange
                    .as_ref()
                    .is_some_and(|exchange| !exchange.request.is_complete())
                {
                    self.reply(LocalReply::failure(
                        StatusCode::SERVICE_UNAVAILABLE,
                        details::REQUEST_INCOMPLETE,
                    ));
                    continue;
                }
                self.stage = Stage::Inner;
                return Poll::Ready(RequestVerdict::Forward);
            }
            ready!(self.poll_request_headers(cx, next));
        }
        Poll::Ready(RequestVerdict::Reply)
    }

    fn poll_request_headers(&mut self, cx: &mut Context<'_>, at: usize) -> Poll<()> {
        let callback = Callback::RequestHeaders {
            end_of_stream: self.request_ends,
        };
        if !self.wants(at, callback) {
            self.stage = Stage::Request {
                next: at + 1,
                paused: false,
            };
            return Poll::Ready(());
        }
        let before = self.snapshot_before(at, |exchange| exchange.request.clone());
        match ready!(self.poll_enter(cx, at, &[callback])) {
            Ok(Action::Continue) => {
                self.stage = Stage::Request {
                    next: at + 1,
                    paused: false,
                }
            }
            Ok(Action::Pause) => {
                self.stage = Stage::Request {
                    next: at,
                    paused: true,
                }
            }
            Err(Failed) => {
                if let (Some(before), Some(exchange)) = (before, self.exchange.as_mut()) {
                    exchange.request = before;
                }
                self.fail(at, None);
            }
        }
        Poll::Ready(())
    }

    /// Takes the request's head out, to be forwarded.
    pub(crate) fn forward(&mut self) -> Option<RequestHead> {
        let snapshot = self.filters.iter().any(|filter| {
            let guest = &filter.guest;
            filter.state != FilterState::Gone
                && (guest.wants(Callback::ResponseHeaders {
                    end_of_stream: false,
                }) || guest.wants(Callback::Log)
                    || guest.wants(Callback::Done))
        });
        self.exchange
            .as_mut()
            .map(|exchange| exchange.forward(snapshot))
    }

    /// While the inner service runs: whether a local reply has overtaken it, so that it is to be dropped.
    pub(crate) fn is_interrupted(&mut self) -> bool {
        matches!(self.stage, Stage::Inner) && self.begin_reply(self.filters.len().saturating_sub(1))
    }

    /// Gives the inner service's response to the plugins. `ends`: neither body nor trailers follow.
    pub(crate) fn begin_response(&mut self, head: ResponseHead, ends: bool) {
        if let Some(exchange) = self.exchange.as_mut() {
            exchange.response = Some(head);
            exchange.response_open = true;
            exchange.request_open = false;
            exchange.details = Some(details::VIA_UPSTREAM.into());
        }
        self.stage = Stage::Response {
            next: self.filters.len(),
            paused: false,
            own_body: None,
            ends,
        };
    }

    /// Runs the response callbacks. The head is then taken with [`Stream::deliver`].
    pub(crate) fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Stage::Response {
            next, paused, ends, ..
        } = self.stage
        {
            if self.replace_response() {
                break;
            }
            let Some(at) = next.checked_sub(1) else {
                if self.response_is_complete() {
                    break;
                }
                self.replace_with(LocalReply::failure(
                    StatusCode::BAD_GATEWAY,
                    details::RESPONSE_INCOMPLETE,
                ));
                continue;
            };
            if paused {
                if !self.filters[at].guest.is_alive() {
                    self.fail(at, Some(ends));
                } else if self.take_resume(StreamType::Response) {
                    self.move_response(at, false);
                } else {
                    return Poll::Pending;
                }
                continue;
            }
            ready!(self.poll_response_headers(cx, at, ends));
        }
        Poll::Ready(())
    }

    fn poll_response_headers(&mut self, cx: &mut Context<'_>, at: usize, ends: bool) -> Poll<()> {
        let callback = Callback::ResponseHeaders {
            end_of_stream: ends,
        };
        if !self.wants(at, callback) {
            self.move_response(at, false);
            return Poll::Ready(());
        }
        let before = self.snapshot_before(at, |exchange| exchange.response.clone());
        match ready!(self.poll_enter(cx, at, &[callback])) {
            Ok(Action::Continue) => self.move_response(at, false),
            Ok(Action::Pause) => self.move_response(at + 1, true),
            Err(Failed) => {
                if let (Some(before), Some(exchange)) = (before, self.exchange.as_mut()) {
                    exchange.response = before;
                }
                self.fail(at, Some(ends));
            }
        }
        Poll::Ready(())
    }

    /// Takes the response's head out, and its body when it is one of our own.
    pub(crate) fn deliver(&mut self) -> (Option<ResponseHead>, Option<Bytes>) {
        let stage = std::mem::replace(&mut self.stage, Stage::Delivered);
        let own_body = match stage {
            Stage::Response { own_body, .. } => own_body,
            _ => None,
        };
        let snapshot = self
            .filters
            .iter()
            .any(|filter| filter.state != FilterState::Gone && filter.guest.wants(Callback::Log));
        let head = self
            .exchange
            .as_mut()
            .and_then(|exchange| exchange.deliver(snapshot));
        (head, own_body)
    }

    /// Says that nothing more happens on the stream, whatever it was doing. Idempotent.
    pub(crate) fn begin_end(&mut self) {
        if let Some(exchange) = self.exchange.as_mut() {
            exchange.request_open = false;
            exchange.response_open = false;
        }
        if !matches!(
            self.stage,
            Stage::Logging { .. } | Stage::Finishing { .. } | Stage::Ended
        ) {
            self.stage = Stage::Logging { next: 0 };
        }
    }

    /// Runs the callbacks of the stream's end: log for every plugin, then done and delete for every plugin. A plugin
    /// that has no context yet gets one for its log, as in Envoy.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.stage {
                Stage::Logging { next } if next < self.filters.len() => {
                    // With one plugin there is no other order to keep: one entry does it all.
                    let alone = self.filters.len() == 1;
                    ready!(self.poll_close(cx, next, true, alone));
                    self.stage = Stage::Logging { next: next + 1 };
                }
                Stage::Logging { .. } => self.stage = Stage::Finishing { next: 0 },
                Stage::Finishing { next } if next < self.filters.len() => {
                    ready!(self.poll_close(cx, next, false, true));
                    self.stage = Stage::Finishing { next: next + 1 };
                }
                Stage::Finishing { .. } => self.stage = Stage::Ended,
                Stage::Ended => return Poll::Ready(()),
                _ => self.begin_end(),
            }
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, at: usize, log: bool, finish: bool) -> Poll<()> {
        let log = log && self.wants(at, Callback::Log);
        let filter = &self.filters[at];
        let exists =
            filter.state == FilterState::Live || (filter.state == FilterState::Fresh && log);
        let finish = finish && exists;
        let mut callbacks: SmallVec<[Callback; 3]> = SmallVec::new();
        if log {
            callbacks.push(Callback::Log);
        }
        if finish {
            if filter.guest.wants(Callback::Done) {
                callbacks.push(Callback::Done);
            }
            callbacks.push(Callback::Delete);
        }
        if callbacks.is_empty() {
            return Poll::Ready(());
        }
        // A failure was logged, and nothing is left that could be answered differently.
        let failed = ready!(self.poll_enter(cx, at, &callbacks)).is_err();
        if finish || failed {
            self.filters[at].state = FilterState::Gone;
        }
        Poll::Ready(())
    }

    /// Which plugin holds the stream, and in which direction.
    pub(crate) fn pause(&self) -> Option<Pause> {
        let (stream, at) = match self.stage {
            Stage::Request { next, paused: true } => (StreamType::Request, next),
            Stage::Response {
                next, paused: true, ..
            } => (StreamType::Response, next.checked_sub(1)?),
            _ => return None,
        };
        Some(Pause { stream, at })
    }

    /// The plugin that holds the stream.
    pub(crate) fn holder(&self, pause: Pause) -> Option<&G> {
        self.filters.get(pause.at).map(|filter| &filter.guest)
    }

    /// Ends a pause that nothing ended in time: the stream is answered with 504. `false` when it is over already.
    pub(crate) fn expire(&mut self, pause: Pause) -> bool {
        let holds = self.pause() == Some(pause);
        if holds {
            self.reply(LocalReply::failure(
                StatusCode::GATEWAY_TIMEOUT,
                details::PAUSE_TIMEOUT,
            ));
        }
        holds
    }

    /// Enters a guest; the context is created just before its first callback.
    fn poll_enter(
        &mut self,
        cx: &mut Context<'_>,
        at: usize,
        callbacks: &[Callback],
    ) -> Poll<Result<Action, Failed>> {
        let Some(exchange) = self.exchange.take() else {
            return Poll::Ready(Err(Failed));
        };
        let filter = &mut self.filters[at];
        let (exchange, result) = if filter.state == FilterState::Fresh {
            let mut with_create: SmallVec<[Callback; 4]> = SmallVec::new();
            with_create.push(Callback::Create);
            with_create.extend_from_slice(callbacks);
            filter.guest.poll_enter(cx, &with_create, exchange)
        } else {
            filter.guest.poll_enter(cx, callbacks, exchange)
        };
        self.exchange = Some(exchange);
        if result.is_ready() && filter.state == FilterState::Fresh {
            filter.state = FilterState::Live;
        }
        let late = self
            .exchange
            .as_mut()
            .is_some_and(|exchange| exchange.take_late_reply());
        match result {
            Poll::Ready(Ok(Action::Pause)) if late => Poll::Ready(Ok(Action::Continue)),
            result => result,
        }
    }

    fn wants(&self, at: usize, callback: Callback) -> bool {
        let filter = &self.filters[at];
        filter.state != FilterState::Gone && filter.guest.wants(callback)
    }

    /// A copy of what the callback may edit, if a failure is to be undone.
    fn snapshot_before<T>(&self, at: usize, copy: impl FnOnce(&Exchange) -> T) -> Option<T> {
        (self.filters[at].guest.failure_policy() == FailurePolicy::Open)
            .then(|| self.exchange.as_deref().map(copy))
            .flatten()
    }

    /// Applies the failure policy of a plugin whose VM failed.
    fn fail(&mut self, at: usize, response_ends: Option<bool>) {
        self.filters[at].state = FilterState::Gone;
        if let Some(exchange) = self.exchange.as_mut() {
            exchange.forget_wishes();
        }
        match self.filters[at].guest.failure_policy() {
            FailurePolicy::Closed => {
                let failure = LocalReply::failure(StatusCode::SERVICE_UNAVAILABLE, details::FAILED);
                if response_ends.is_some() {
                    self.replace_with(failure);
                } else {
                    self.reply(failure);
                }
            }
            FailurePolicy::Open if response_ends.is_some() => self.move_response(at, false),
            FailurePolicy::Open => {
                self.stage = Stage::Request {
                    next: at + 1,
                    paused: false,
                }
            }
        }
    }

    fn reply(&mut self, reply: LocalReply) {
        if let Some(exchange) = self.exchange.as_mut() {
            exchange.overrule(reply);
        }
    }

    fn take_resume(&mut self, stream: StreamType) -> bool {
        self.exchange
            .as_mut()
            .is_some_and(|exchange| exchange.take_resume(stream))
    }

    /// Turns a recorded local reply into the response; it passes the response callbacks of the plugin that replied and of
    /// those before it, as in Envoy.
    fn begin_reply(&mut self, origin: usize) -> bool {
        let next = (origin + 1).min(self.filters.len());
        let Some(exchange) = self.exchange.as_mut() else {
            // A panic lost the exchange; the future turns that into an answer.
            self.stage = Stage::Delivered;
            return true;
        };
        let Some(reply) = exchange.take_reply() else {
            return false;
        };
        exchange.request_open = false;
        exchange.response_open = true;
        exchange.details = Some(reply.details().clone());
        let (head, body) = reply.into_response(&exchange.request);
        exchange.response = Some(head);
        self.stage = Stage::Response {
            next,
            paused: false,
            ends: body.is_empty(),
            own_body: Some(body),
        };
        true
    }

    /// Puts a local reply that was recorded by a response callback into the response's place. The plugins that it has not
    /// reached do not see it, as in Envoy.
    fn replace_response(&mut self) -> bool {
        let Some(exchange) = self.exchange.as_mut() else {
            return true;
        };
        let Some(reply) = exchange.take_reply() else {
            return false;
        };
        self.replace_with(reply);
        true
    }

    fn replace_with(&mut self, reply: LocalReply) {
        let Some(exchange) = self.exchange.as_mut() else {
            return;
        };
        exchange.details = Some(reply.details().clone());
        let (head, body) = reply.into_response(&exchange.request);
        exchange.response = Some(head);
        self.stage = Stage::Response {
            next: 0,
            paused: false,
            ends: body.is_empty(),
            own_body: Some(body),
        };
    }

    fn move_response(&mut self, to: usize, hold: bool) {
        if let Stage::Response { next, paused, .. } = &mut self.stage {
            *next = to;
            *paused = hold;
        }
    }

    fn response_is_complete(&self) -> bool {
        self.exchange
            .as_ref()
            .and_then(|exchange| exchange.response.as_ref())
            .is_some_and(ResponseHead::is_complete)
    }
}
