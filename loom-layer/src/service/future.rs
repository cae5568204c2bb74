//! The future of one request.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Extensions, Request, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::body::{RequestBody, ResponseBody};
use super::cell::StreamHandle;
use super::source::{Input, Source};
use crate::error::BoxError;
use crate::info::{LocalReplyInfo, Reroute};
use crate::limits;
use crate::stream::{BodySource, Direction, RequestHead, ResponseHead, StoredProperties, Verdict};

pin_project! {
    /// The future of [`LoomService`](crate::LoomService): request callbacks, the inner service, response callbacks.
    ///
    /// Dropped before it is ready, the inner service's future is dropped with it, and the stream ends: the plugins learn it
    /// through `proxy_on_log`, `proxy_on_done` and `proxy_on_delete`, on a thread of the runtime.
    #[must_use = "futures do nothing unless polled"]
    pub struct LoomFuture<S, B, RB>
    where
        S: Service<Request<RequestBody<B>>>,
    {
        #[pin]
        state: State<S, B, RB, S::Future>,
        // After the state, since fields are dropped in this order: the inner service's future goes first.
        stream: Option<StreamHandle>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, RB, F> {
        // Request callbacks run; the inner service waits.
        Request { waiting: Option<Waiting<S, B>> },
        // The inner service has the request.
        Inner { #[pin] future: F },
        // Response callbacks run.
        Response { upstream: Upstream<RB> },
    }
}

/// What the inner service will be called with.
struct Waiting<S, B> {
    service: S,
    extensions: Extensions,
    body: Source<B>,
    /// Read while a plugin wanted to see it first.
    input: Option<Input>,
}

/// What the inner service answered; nothing when a local reply came before that.
struct Upstream<RB> {
    head: Option<(ResponseHead, bool)>,
    extensions: Extensions,
    body: Source<RB>,
    /// Read while a plugin wanted to see it first.
    input: Option<Input>,
    /// The body is small and says so, as one that a handler made in memory does, and its length is in no header. It passes
    /// the plugins before the head goes out, as far as it really is at hand, so that the head can tell its length.
    at_hand: bool,
}

/// A request on its way to the inner service.
struct Forwarded {
    head: RequestHead,
    /// Plugins look at its body.
    through_plugins: bool,
    stored: Option<StoredProperties>,
    reroute: bool,
}

/// A response on its way to the caller.
struct Delivered {
    head: Option<ResponseHead>,
    source: BodySource,
    stored: Option<StoredProperties>,
    local_reply: Option<LocalReplyInfo>,
}

enum Delivery {
    Done(Delivered),
    /// A plugin wants to see the body first.
    Needs,
    /// The body may as well enter now.
    Takes,
}

impl<S, B, RB> LoomFuture<S, B, RB>
where
    S: Service<Request<RequestBody<B>>>,
{
    /// A request that passes plugins.
    pub(super) fn new(stream: StreamHandle, service: S, extensions: Extensions, body: B) -> Self {
        let waiting = Waiting {
            service,
            extensions,
            body: Source::Plain { body },
            input: None,
        };
        Self {
            state: State::Request {
                waiting: Some(waiting),
            },
            stream: Some(stream),
        }
    }

    /// A request that passes none.
    pub(super) fn passing(future: S::Future) -> Self {
        Self {
            state: State::Inner { future },
            stream: None,
        }
    }
}

impl<S, B, RB> Future for LoomFuture<S, B, RB>
where
    S: Service<Request<RequestBody<B>>, Response = Response<RB>>,
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
    RB: Body<Data = Bytes>,
    RB::Error: Into<BoxError>,
{
    type Output = Result<Response<ResponseBody<RB>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Inner { future } => {
                    let result = match future.poll(cx) {
                        Poll::Ready(result) => Some(result),
                        Poll::Pending => None,
                    };
                    match (result, this.stream.as_mut()) {
                        (None, None) => return Poll::Pending,
                        (Some(result), None) => {
                            let untouched =
                                |body| ResponseBody::inner(Source::Plain { body }, None);
                            return Poll::Ready(result.map(|response| response.map(untouched)));
                        }
                        (None, Some(stream)) => {
                            ready!(stream.poll_interrupted(cx));
                            State::Response {
                                upstream: Upstream::none(),
                            }
                        }
                        (Some(Ok(response)), Some(_)) => State::Response {
                            upstream: Upstream::new(response),
                        },
                        (Some(Err(error)), Some(stream)) => {
                            // A body that a plugin cut may be why the inner service failed.
                            if stream.poll_interrupted(cx).is_pending() {
                                if let Some(stream) = this.stream.take() {
                                    stream.finish();
                                }
                                return Poll::Ready(Err(error));
                            }
                            State::Response {
                                upstream: Upstream::none(),
                            }
                        }
                    }
                }
                StateProj::Request { waiting } => {
                    let (Some(stream), Some(request)) = (this.stream.as_mut(), waiting.as_mut())
                    else {
                        return Poll::Ready(Ok(lost()));
                    };
                    match ready!(poll_request(stream, request, cx)) {
                        Some(forwarded) => {
                            let Some(request) = waiting.take() else {
                                return Poll::Ready(Ok(lost()));
                            };
                            State::Inner {
                                future: request.forward(forwarded, stream),
                            }
                        }
                        None => State::Response {
                            upstream: Upstream::none(),
                        },
                    }
                }
                StateProj::Response { upstream } => {
                    let Some(stream) = this.stream.as_mut() else {
                        return Poll::Ready(Ok(lost()));
                    };
                    let delivered = ready!(poll_response(stream, upstream, cx));
                    let upstream = std::mem::replace(upstream, Upstream::none());
                    return Poll::Ready(Ok(upstream.respond(delivered, this.stream.take())));
                }
            };
            this.state.set(next);
        }
    }
}

/// The request that goes to the inner service; `None` when the stream is answered without it.
fn poll_request<S, B>(
    stream: &mut StreamHandle,
    waiting: &mut Waiting<S, B>,
    cx: &mut Context<'_>,
) -> Poll<Option<Forwarded>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    loop {
        if waiting.body.is_read_early() {
            // Before the look, so that nothing that happens after it is missed.
            stream.register(cx);
        }
        let input = &mut waiting.input;
        let (verdict, head) = ready!(stream.poll(cx, |stream, cx| {
            if let Some(input) = input.take() {
                input.push(stream, Direction::Request);
            }
            let verdict = ready!(stream.poll_request(cx));
            let head = match verdict {
                Verdict::Forward => stream.forward().map(|head| Forwarded {
                    head,
                    through_plugins: stream.request_passes_plugins(),
                    stored: stream.stored().cloned(),
                    reroute: stream.takes_new_route(),
                }),
                Verdict::Reply | Verdict::NeedBody => None,
            };
            Poll::Ready((verdict, head))
        }));
        if verdict != Verdict::NeedBody {
            return Poll::Ready(head);
        }
        if waiting.body.is_read_early() {
            let input = ready!(waiting.body.poll_early(cx));
            waiting.input = Some(input.unwrap_or(Input::Broken));
        } else {
            waiting.body.read_early();
        }
    }
}

/// The response.
fn poll_response<RB>(
    stream: &mut StreamHandle,
    upstream: &mut Upstream<RB>,
    cx: &mut Context<'_>,
) -> Poll<Delivered>
where
    RB: Body<Data = Bytes>,
    RB::Error: Into<BoxError>,
{
    loop {
        if upstream.body.is_read_early() {
            // Before the look, so that nothing that happens after it is missed.
            stream.register(cx);
        }
        let (head, input, at_hand) = (&mut upstream.head, &mut upstream.input, &upstream.at_hand);
        let extensions = &upstream.extensions;
        let delivered = ready!(stream.poll(cx, |stream, cx| {
            if let Some((head, ends)) = head.take()
                && !stream.is_interrupted()
            {
                stream.begin_response(head, ends);
                stream.learn(extensions);
            }
            if let Some(input) = input.take() {
                input.push(stream, Direction::Response);
            }
            Poll::Ready(match ready!(stream.poll_response(cx)) {
                Verdict::NeedBody => Delivery::Needs,
                Verdict::Forward | Verdict::Reply if *at_hand && stream.response_takes_body() => {
                    Delivery::Takes
                }
                Verdict::Forward | Verdict::Reply => {
                    let (head, source) = stream.deliver();
                    Delivery::Done(Delivered {
                        head,
                        source,
                        stored: stream.stored().cloned(),
                        local_reply: stream.take_local_reply(),
                    })
                }
            })
        }));
        match delivered {
            Delivery::Done(delivered) => return Poll::Ready(delivered),
            Delivery::Needs => {}
            Delivery::Takes => {
                upstream.body.read_early();
                match upstream.body.poll_early(cx) {
                    Poll::Ready(input) => upstream.input = Some(input.unwrap_or(Input::Broken)),
                    Poll::Pending => upstream.at_hand = false,
                }
                continue;
            }
        }
        if upstream.body.is_read_early() {
            let input = ready!(upstream.body.poll_early(cx));
            upstream.input = Some(input.unwrap_or(Input::Broken));
        } else {
            upstream.body.read_early();
        }
    }
}

impl<S, B> Waiting<S, B> {
    /// Calls the inner service.
    fn forward(self, forwarded: Forwarded, stream: &StreamHandle) -> S::Future
    where
        S: Service<Request<RequestBody<B>>>,
        B: Body,
    {
        let Forwarded {
            head,
            through_plugins,
            stored,
            reroute,
        } = forwarded;
        let body = if through_plugins {
            RequestBody::new(self.body, Some(stream.for_request_body()), None)
        } else {
            let is_empty = self.body.is_end_stream();
            let meter = (!is_empty).then(|| stream.meter()).flatten();
            RequestBody::new(self.body, None, meter)
        };
        let mut request = Request::new(body);
        // The state machine lets no request without a method through.
        *request.method_mut() = head.method.unwrap_or_default();
        *request.uri_mut() = head.uri;
        *request.version_mut() = head.version;
        *request.headers_mut() = head.headers;
        *request.extensions_mut() = self.extensions;
        if let Some(stored) = stored {
            request.extensions_mut().insert(stored);
        }
        if reroute {
            request.extensions_mut().insert(Reroute);
        }
        let mut service = self.service;
        service.call(request)
    }
}

impl<RB> Upstream<RB> {
    fn none() -> Self {
        Self {
            head: None,
            extensions: Extensions::new(),
            body: Source::Gone,
            input: None,
            at_hand: false,
        }
    }

    fn new(response: Response<RB>) -> Self
    where
        RB: Body,
    {
        let (parts, body) = response.into_parts();
        let small = body
            .size_hint()
            .exact()
            .is_some_and(|length| length <= limits::BODY_AT_HAND);
        let at_hand = small && !parts.headers.contains_key(CONTENT_LENGTH);
        let head = ResponseHead {
            status: Some(parts.status),
            version: parts.version,
            headers: parts.headers,
            framing: None,
        };
        Self {
            head: Some((head, body.is_end_stream())),
            extensions: parts.extensions,
            body: Source::Plain { body },
            input: None,
            at_hand,
        }
    }

    fn respond(
        self,
        delivered: Delivered,
        stream: Option<StreamHandle>,
    ) -> Response<ResponseBody<RB>>
    where
        RB: Body<Data = Bytes>,
    {
        let Delivered {
            head,
            source,
            stored,
            local_reply,
        } = delivered;
        let (mut extensions, body) = match source {
            BodySource::Inner => (self.extensions, ResponseBody::inner(self.body, stream)),
            BodySource::InnerThroughPlugins => (
                self.extensions,
                ResponseBody::through_plugins(self.body, stream),
            ),
            BodySource::Own(bytes) => (Extensions::new(), ResponseBody::own(bytes, stream)),
            BodySource::OwnThroughPlugins => (
                Extensions::new(),
                ResponseBody::through_plugins(Source::Gone, stream),
            ),
            BodySource::Cut => (Extensions::new(), ResponseBody::cut(stream)),
        };
        if let Some(stored) = stored {
            extensions.insert(stored);
        }
        if let Some(local_reply) = local_reply {
            extensions.insert(local_reply);
        }
        let mut response = Response::new(body);
        let Some(head) = head else {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return response;
        };
        // The state machine lets no response without a status through.
        *response.status_mut() = head.status.unwrap_or(StatusCode::BAD_GATEWAY);
        *response.version_mut() = head.version;
        *response.headers_mut() = head.headers;
        *response.extensions_mut() = extensions;
        response
    }
}

/// The answer when a panic inside a host call lost the stream's state.
fn lost<RB: Body<Data = Bytes>>() -> Response<ResponseBody<RB>> {
    let mut response = Response::new(ResponseBody::own(Bytes::new(), None));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
