//! The HTTP stream state machine: one exchange, walked through N plugins.
//!
//! ```text
//! create, request headers   plugin 0 -> N-1       inner service       response headers   plugin N-1 -> 0
//!         body, trailers    plugin 0 -> N-1                           body, trailers     plugin N-1 -> 0
//! log 0 -> N-1, then done and delete 0 -> N-1
//! ```
//! Plain Rust: it knows neither wasm nor bodies' types, polls its guests, and is tested with scripted ones.

mod bodies;
mod buffer;
mod end;
mod exchange;
mod facts;
mod fields;
mod flow;
mod framing;
mod guest;
mod head;
mod headers;
mod holds;
mod map;
mod names;
mod property;
mod queue;
mod reply;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod simulation;
mod stored;
#[cfg(test)]
mod tests;
mod wishes;

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Extensions, StatusCode};

pub(crate) use bodies::BodyStep;
pub(crate) use buffer::Buffer;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use exchange::unreachable;
pub(crate) use exchange::{Direction, Exchange, Remote};
pub(crate) use guest::{Callback, End, Failed, Guest, Terms};
pub(crate) use head::{RequestHead, ResponseHead};
pub(crate) use headers::Verdict;
pub(crate) use holds::Pause;
pub(crate) use map::{Map, MapMut};
pub(crate) use property::property;
pub(crate) use reply::LocalReply;
pub(crate) use stored::StoredProperties;
pub(crate) use wishes::{Wish, Wishes};

use crate::abi::{Action, MapType};
use crate::afterwards::afterwards;
use crate::info::{LocalReplyInfo, UpstreamInfo};
use crate::observer::PhaseOutcome;
use crate::policy::{FailurePolicy, HeaderValues};
use flow::{Course, Flow};

/// Short codes of what the host answers by itself; the first three and the two about sizes are Envoy's.
pub(crate) mod details {
    pub(crate) const FAILED: &str = "wasm_fail_stream";
    pub(crate) const REQUEST_INCOMPLETE: &str = "filter_removed_required_request_headers";
    pub(crate) const RESPONSE_INCOMPLETE: &str = "filter_removed_required_response_headers";
    pub(crate) const REQUEST_TOO_LARGE: &str = "request_payload_too_large";
    pub(crate) const RESPONSE_TOO_LARGE: &str = "response_payload_too_large";
    pub(crate) const NOT_UTF8: &str = "header_value_not_utf8";
    pub(crate) const PAUSE_TIMEOUT: &str = "wasm_pause_timeout";
    pub(crate) const VIA_UPSTREAM: &str = "via_upstream";
}

/// Where the body of a response comes from.
#[derive(Debug)]
pub(crate) enum BodySource {
    /// From the inner service, and no plugin looks at it.
    Inner,
    /// From the inner service, through the plugins.
    InnerThroughPlugins,
    /// These bytes.
    Own(Bytes),
    /// From the plugins alone: nothing more enters.
    OwnThroughPlugins,
    /// There is none: the stream is cut.
    Cut,
}

/// One exchange on its way through the plugins of a chain.
#[derive(Debug)]
pub(crate) struct Stream<G> {
    /// In a guest's hands while a callback runs; gone for good if that panicked.
    exchange: Option<Box<Exchange>>,
    filters: Box<[Filter<G>]>,
    stage: Stage,
    request_ends: bool,
    /// The plugins before this place in the chain see the response.
    response_from: usize,
    /// Made when the first piece of a body enters.
    courses: [Option<Course>; 2],
    /// The stream is cut: its bodies end as a broken connection does.
    cut: bool,
    /// A callback changed something that another task of the stream waits for.
    nudged: bool,
}

#[derive(Debug)]
struct Filter<G> {
    guest: G,
    state: FilterState,
    /// How many holds the plugin has begun, of the request and of the response.
    holds: [u32; 2],
    /// Made when the first piece of a body reaches the plugin.
    flows: [Option<Box<Flow>>; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FilterState {
    /// No context yet.
    Fresh,
    /// The context exists.
    Live,
    /// The context exists, but the plugin missed a callback and takes no part any more: it is only told of the end.
    Left,
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

impl<G: Guest> Filter<G> {
    /// A callback was not made, or not to its end. A context in a VM that still runs has to be deleted in time.
    fn close_after_failure(&mut self) {
        let has_context = self.state != FilterState::Fresh && self.guest.is_alive();
        self.state = if has_context {
            FilterState::Left
        } else {
            FilterState::Gone
        };
    }
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
                    holds: [0, 0],
                    flows: [None, None],
                })
                .collect(),
            stage: Stage::Request {
                next: 0,
                paused: false,
            },
            request_ends,
            response_from: 0,
            courses: [None, None],
            cut: false,
            nudged: false,
        }
    }

    /// Whether another task of the stream has to look at it, since the last time that this was asked.
    pub(crate) fn take_nudge(&mut self) -> bool {
        std::mem::take(&mut self.nudged)
    }

    /// Ends the stream as a broken connection does.
    pub(crate) fn cut(&mut self) {
        self.cut = true;
    }

    /// Changes the exchange from outside the stream's own callbacks.
    pub(crate) fn with_exchange(&mut self, f: impl FnOnce(&mut Exchange)) -> bool {
        let Some(exchange) = self.exchange.as_mut() else {
            return false;
        };
        f(exchange);
        self.settle(None);
        true
    }

    /// As [`Self::with_exchange`], for the plugin at this place: what it holds of a body is in its hands, as in a callback.
    pub(crate) fn with_exchange_of(&mut self, at: usize, f: impl FnOnce(&mut Exchange)) -> bool {
        let directions = [Direction::Request, Direction::Response];
        for direction in directions {
            self.lend_held(direction, at);
        }
        let ran = self.exchange.as_deref_mut().map(f).is_some();
        for direction in directions {
            self.take_held_back(direction, at);
        }
        if ran {
            self.settle(None);
        }
        ran
    }

    /// Records what was asked for from outside the stream's own callbacks.
    pub(crate) fn ask_all(&mut self, wishes: Wishes) {
        self.with_exchange(|exchange| {
            for wish in wishes.into_each() {
                exchange.ask(wish);
            }
        });
    }

    /// Takes the request's head out, to be forwarded.
    pub(crate) fn forward(&mut self) -> Option<RequestHead> {
        let snapshot = self.is_read_later(Direction::Request);
        let passes = self.request_passes_plugins();
        let mut head = self.exchange.as_mut()?.forward(snapshot);
        let before = head.framing.take();
        self.fit_length(Direction::Request, passes, &mut head.headers, before);
        Some(head)
    }

    /// Whether a plugin asked for another choice of the route, since the last time that this was asked.
    pub(crate) fn takes_new_route(&mut self) -> bool {
        let exchange = self.exchange.as_mut();
        exchange.is_some_and(|exchange| std::mem::take(&mut exchange.wishes.reroute))
    }

    /// Whether a callback may come that reads the head of this direction after it went out.
    fn is_read_later(&self, direction: Direction) -> bool {
        use Direction::{Request, Response};
        let later = [
            Callback::Headers(Response, End::Open),
            Callback::Body(Request, End::Open),
            Callback::Trailers(Request),
            Callback::Body(Response, End::Open),
            Callback::Trailers(Response),
            Callback::Log,
            Callback::Done,
        ];
        let later = match direction {
            Request => &later[..],
            Response => &later[1..],
        };
        self.filters.iter().any(|filter| {
            matches!(filter.state, FilterState::Fresh | FilterState::Live)
                && later.iter().any(|&callback| filter.guest.wants(callback))
        })
    }

    /// Whether plugins look at the request's body, or hold some of it already.
    pub(crate) fn request_passes_plugins(&self) -> bool {
        !self.request_ends
            && (self.courses[Direction::Request.index()].is_some()
                || self.wants_body(Direction::Request))
    }

    /// Takes over what the inner service tells beside its response.
    pub(crate) fn learn(&mut self, extensions: &Extensions) {
        if let Some(exchange) = self.exchange.as_mut()
            && exchange.facts.are_asked()
        {
            exchange.facts.respond(extensions);
            exchange.share_stored(extensions);
            let upstream = exchange.facts.upstream.as_ref();
            if let Some(failure) = upstream.and_then(UpstreamInfo::why_failed) {
                exchange.details = Some(failure.details().into());
            }
        }
    }

    /// What plugins stored along the request, for other layers.
    pub(crate) fn stored(&self) -> Option<&StoredProperties> {
        self.exchange.as_ref()?.stored.as_ref()
    }

    /// Who answered in the place of the inner service, when the response is on its way.
    pub(crate) fn take_local_reply(&mut self) -> Option<LocalReplyInfo> {
        self.exchange.as_mut()?.local_reply.take()
    }

    /// Gives the inner service's response to the plugins. `ends`: neither body nor trailers follow.
    pub(crate) fn begin_response(&mut self, head: ResponseHead, ends: bool) {
        if let Some(exchange) = self.exchange.as_mut() {
            exchange.response = Some(head);
            exchange.response_open = true;
            exchange.request_open = false;
            exchange.details = Some(details::VIA_UPSTREAM.into());
        }
        self.response_from = self.filters.len();
        self.stage = Stage::Response {
            next: self.filters.len(),
            paused: false,
            own_body: None,
            ends,
        };
    }

    /// Takes the response's head out, and says where its body comes from.
    pub(crate) fn deliver(&mut self) -> (Option<ResponseHead>, BodySource) {
        let stage = std::mem::replace(&mut self.stage, Stage::Delivered);
        let through_plugins = self.courses[Direction::Response.index()].is_some();
        let source = match stage {
            _ if self.cut => BodySource::Cut,
            Stage::Response {
                own_body: Some(_), ..
            } if through_plugins => BodySource::OwnThroughPlugins,
            Stage::Response {
                own_body: Some(bytes),
                ..
            } => BodySource::Own(bytes),
            Stage::Response { ends: false, .. }
                if through_plugins || self.wants_body(Direction::Response) =>
            {
                BodySource::InnerThroughPlugins
            }
            Stage::Response { .. } => BodySource::Inner,
            _ => BodySource::Own(Bytes::new()),
        };
        let snapshot = self.is_read_later(Direction::Response);
        let passes = matches!(
            source,
            BodySource::InnerThroughPlugins | BodySource::OwnThroughPlugins
        );
        let mut head = self
            .exchange
            .as_mut()
            .and_then(|exchange| exchange.deliver(snapshot));
        if let Some(head) = &mut head {
            let before = head.framing.take();
            self.fit_length(Direction::Response, passes, &mut head.headers, before);
        }
        (head, source)
    }

    /// Whether plugins look at the response's body, and more of it may enter before its head goes out.
    pub(crate) fn response_takes_body(&self) -> bool {
        let entered = self.courses[Direction::Response.index()]
            .as_ref()
            .is_some_and(|course| course.input_ended);
        matches!(
            self.stage,
            Stage::Response {
                ends: false,
                own_body: None,
                ..
            }
        ) && !self.cut
            && !entered
            && self.wants_body(Direction::Response)
    }

    /// While the inner service runs: whether a local reply has overtaken it, so that it is to be dropped.
    pub(crate) fn is_interrupted(&mut self) -> bool {
        matches!(self.stage, Stage::Inner) && (self.begin_reply(self.filters.len()) || self.cut)
    }

    /// Enters a guest. `callbacks` begin with the creation of the context, which is left out when there is one.
    fn poll_enter(
        &mut self,
        cx: &mut Context<'_>,
        at: usize,
        callbacks: &[Callback],
    ) -> Poll<Result<Action, Failed>> {
        let Some(mut exchange) = self.exchange.take() else {
            return Poll::Ready(Err(Failed));
        };
        exchange.running = at;
        let filter = &mut self.filters[at];
        if let (Some(observer), [_, first, ..]) = (&exchange.observer, callbacks) {
            exchange.phase = observer.enter(filter.guest.name(), first.name());
        }
        let callbacks = match callbacks {
            [Callback::Create, others @ ..] if filter.state != FilterState::Fresh => others,
            all => all,
        };
        let (mut exchange, result) = filter.guest.poll_enter(cx, callbacks, exchange);
        if let Some(phase) = exchange.phase.take()
            && let Poll::Ready(result) = &result
        {
            phase.left(match result {
                Ok(Action::Continue) => PhaseOutcome::Continue,
                Ok(_) => PhaseOutcome::Pause,
                Err(Failed) => PhaseOutcome::Failed,
            });
        }
        self.exchange = Some(exchange);
        if matches!(result, Poll::Ready(Ok(_))) && filter.state == FilterState::Fresh {
            filter.state = FilterState::Live;
        }
        result
    }

    /// Runs one callback of a direction, and settles what it asked for. `Pause` comes back only if the plugin really holds
    /// the stream: not when it resumed it in the same callback, or replied too late.
    fn poll_callback(
        &mut self,
        cx: &mut Context<'_>,
        at: usize,
        callback: Callback,
    ) -> Poll<Result<Action, Failed>> {
        let result = std::task::ready!(self.poll_enter(cx, at, &[Callback::Create, callback]));
        let direction = match callback {
            Callback::Headers(direction, _)
            | Callback::Body(direction, _)
            | Callback::Trailers(direction) => direction,
            Callback::Create | Callback::Log | Callback::Done | Callback::Delete => {
                return Poll::Ready(result);
            }
        };
        if result.is_err() {
            if let Some(exchange) = self.exchange.as_mut() {
                exchange.forget_wishes();
            }
            return Poll::Ready(result);
        }
        let goes_on = self.settle(Some((direction, at)));
        Poll::Ready(result.map(|action| if goes_on { Action::Continue } else { action }))
    }

    /// Acts on what guests asked for: cuts, and resumes what is held. Says whether the plugin `just_ran` must not hold what
    /// its callback was about.
    fn settle(&mut self, just_ran: Option<(Direction, usize)>) -> bool {
        let Some(exchange) = self.exchange.as_mut() else {
            return false;
        };
        self.cut |= std::mem::take(&mut exchange.wishes.cut);
        self.nudged |=
            self.cut || (exchange.wishes.reply.is_some() && matches!(self.stage, Stage::Inner));
        let mut goes_on = std::mem::take(&mut exchange.wishes.late_reply);
        if exchange.wishes.resume.is_empty() {
            return goes_on;
        }
        for (direction, at) in std::mem::take(&mut exchange.wishes.resume) {
            if just_ran == Some((direction, at)) {
                goes_on = true;
            } else if self.holds(direction, at) {
                self.resume(direction, at);
                self.nudged = true;
            } else if let Some(filter) = self.filters.get(at) {
                filter.guest.resumed_nothing(direction);
            }
        }
        goes_on
    }

    /// Lets a direction go on at a plugin, if it is held there.
    fn resume(&mut self, direction: Direction, at: usize) {
        match (&self.stage, direction) {
            (&Stage::Request { next, paused: true }, Direction::Request) if next == at => {
                self.stage = Stage::Request {
                    next: at + 1,
                    paused: false,
                };
            }
            (
                &Stage::Response {
                    next, paused: true, ..
                },
                Direction::Response,
            ) if next == at + 1 => {
                self.move_response(at, false);
            }
            _ => {}
        }
        self.release(direction, at);
    }

    fn wants(&self, at: usize, callback: Callback) -> bool {
        let filter = &self.filters[at];
        let may = match filter.state {
            FilterState::Fresh | FilterState::Live => true,
            FilterState::Left => matches!(callback, Callback::Log | Callback::Done),
            FilterState::Gone => false,
        };
        may && filter.guest.wants(callback)
    }

    /// Answers the stream with a reply of the host, or cuts it when an answer is under way already.
    fn answer(&mut self, reply: LocalReply) {
        let Some(exchange) = self.exchange.as_mut() else {
            return;
        };
        self.nudged = true;
        if exchange.is_delivered() {
            self.cut = true;
        } else {
            exchange.overrule(reply);
        }
    }

    /// Answers the stream because a plugin does not want to see what is about to be shown to it.
    fn refuse(&mut self, at: usize, direction: Direction, kind: MapType) -> bool {
        let guest = &self.filters[at].guest;
        if guest.terms().header_values != HeaderValues::Reject {
            return false;
        }
        let exchange = self.exchange.as_deref();
        let Some(name) = exchange
            .and_then(|exchange| exchange.map(kind).ok())
            .and_then(Map::first_unreadable)
        else {
            return false;
        };
        let (plugin, header) = (guest.name().to_owned(), name.to_owned());
        afterwards(
            move || tracing::debug!(target: "loom::stream", plugin, ?direction, header, "a value is not UTF-8, and the plugin's header_values is `reject`"),
        );
        let reply = LocalReply::not_utf8(direction, name).by(self.filters[at].guest.name());
        self.answer(reply);
        true
    }

    /// Marks a plugin as failed. Under `closed` the stream is answered with 503; under `open` it is the caller's to go on.
    fn fail(&mut self, at: usize) -> FailurePolicy {
        self.filters[at].close_after_failure();
        let policy = self.filters[at].guest.terms().failure_policy;
        if policy == FailurePolicy::Closed {
            let reply = LocalReply::failure(StatusCode::SERVICE_UNAVAILABLE, details::FAILED);
            self.answer(reply.by(self.filters[at].guest.name()));
        }
        policy
    }

    /// The plugins' names, for a line about something that one of them did.
    fn names(&self) -> String {
        let names: Vec<_> = self
            .filters
            .iter()
            .map(|filter| filter.guest.name())
            .collect();
        names.join(", ")
    }

    fn move_response(&mut self, to: usize, hold: bool) {
        if let Stage::Response { next, paused, .. } = &mut self.stage {
            *next = to;
            *paused = hold;
        }
    }
}
