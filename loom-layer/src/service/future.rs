//! The future of one request.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Extensions, Request, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::body::{BoxError, RequestBody, ResponseBody};
use super::cell::StreamHandle;
use crate::stream::{RequestHead, RequestVerdict, ResponseHead};

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
        // Response callbacks run. Without the inner service's response this is a local reply.
        Response { upstream: Option<(Extensions, RB)>, begin: Option<(ResponseHead, bool)> },
    }
}

struct Waiting<S, B> {
    service: S,
    extensions: Extensions,
    body: B,
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
            body,
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
                StateProj::Request { waiting } => match ready!(poll_request(this.stream, cx)) {
                    Some(head) => {
                        let Some(waiting) = waiting.take() else {
                            return Poll::Ready(Ok(lost()));
                        };
                        State::Inner {
                            future: waiting.forward(head),
                        }
                    }
                    None => State::LOCAL_REPLY,
                },
                StateProj::Inner { future } => match future.poll(cx) {
                    Poll::Ready(Ok(response)) => {
                        if this.stream.is_none() {
                            return Poll::Ready(Ok(
                                response.map(|body| ResponseBody::inner(body, None))
                            ));
                        }
                        State::received(response)
                    }
                    Poll::Ready(Err(error)) => {
                        if let Some(stream) = this.stream.take() {
                            stream.finish();
                        }
                        return Poll::Ready(Err(error));
                    }
                    Poll::Pending => {
                        let Some(stream) = this.stream else {
                            return Poll::Pending;
                        };
                        ready!(stream.poll_interrupted(cx));
                        State::LOCAL_REPLY
                    }
                },
                StateProj::Response { upstream, begin } => {
                    let Some(stream) = this.stream else {
                        return Poll::Ready(Ok(lost()));
                    };
                    let (head, own_body) = ready!(poll_response(stream, cx, begin));
                    return Poll::Ready(Ok(respond(
                        head,
                        own_body,
                        upstream.take(),
                        this.stream.take(),
                    )));
                }
            };
            this.state.set(next);
        }
    }
}

/// The head of the request that goes to the inner service; `None` when the stream is answered without it.
fn poll_request(
    stream: &mut Option<StreamHandle>,
    cx: &mut Context<'_>,
) -> Poll<Option<RequestHead>> {
    let Some(stream) = stream else {
        return Poll::Ready(None);
    };
    stream.poll(cx, |stream, cx| {
        Poll::Ready(match ready!(stream.poll_request(cx)) {
            RequestVerdict::Forward => stream.forward(),
            RequestVerdict::Reply => None,
        })
    })
}

/// The head of the response and, when it is one of our own, its body.
fn poll_response(
    stream: &mut StreamHandle,
    cx: &mut Context<'_>,
    begin: &mut Option<(ResponseHead, bool)>,
) -> Poll<(Option<ResponseHead>, Option<Bytes>)> {
    stream.poll(cx, |stream, cx| {
        if let Some((head, ends)) = begin.take() {
            stream.begin_response(head, ends);
        }
        ready!(stream.poll_response(cx));
        Poll::Ready(stream.deliver())
    })
}

impl<S, B> Waiting<S, B> {
    /// Calls the inner service.
    fn forward(self, head: RequestHead) -> S::Future
    where
        S: Service<Request<RequestBody<B>>>,
    {
        let mut request = Request::new(RequestBody::new(self.body));
        // The state machine lets no request without a method through.
        *request.method_mut() = head.method.unwrap_or_default();
        *request.uri_mut() = head.uri;
        *request.version_mut() = head.version;
        *request.headers_mut() = head.headers;
        *request.extensions_mut() = self.extensions;
        let mut service = self.service;
        service.call(request)
    }
}

impl<S, B, RB: Body, F> State<S, B, RB, F> {
    const LOCAL_REPLY: Self = Self::Response {
        upstream: None,
        begin: None,
    };

    fn received(response: Response<RB>) -> Self {
        let (parts, body) = response.into_parts();
        let head = ResponseHead {
            status: Some(parts.status),
            version: parts.version,
            headers: parts.headers,
        };
        let ends = body.is_end_stream();
        Self::Response {
            upstream: Some((parts.extensions, body)),
            begin: Some((head, ends)),
        }
    }
}

fn respond<RB: Body<Data = Bytes>>(
    head: Option<ResponseHead>,
    own_body: Option<Bytes>,
    upstream: Option<(Extensions, RB)>,
    stream: Option<StreamHandle>,
) -> Response<ResponseBody<RB>> {
    let Some(head) = head else {
        return lost();
    };
    let (extensions, body) = match (own_body, upstream) {
        (None, Some((extensions, body))) => (extensions, ResponseBody::inner(body, stream)),
        (own_body, _) => (
            Extensions::new(),
            ResponseBody::own(own_body.unwrap_or_default(), stream),
        ),
    };
    let mut response = Response::new(body);
    // The state machine lets no response without a status through.
    *response.status_mut() = head.status.unwrap_or(StatusCode::BAD_GATEWAY);
    *response.version_mut() = head.version;
    *response.headers_mut() = head.headers;
    *response.extensions_mut() = extensions;
    response
}

/// The answer when a panic inside a host call lost the stream's state.
fn lost<RB: Body<Data = Bytes>>() -> Response<ResponseBody<RB>> {
    let mut response = Response::new(ResponseBody::own(Bytes::new(), None));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
