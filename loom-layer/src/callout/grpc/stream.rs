//! The response to a gRPC request, as events.

use std::collections::VecDeque;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use http_body::Body as _;
use http_body_util::BodyExt;

use super::super::http::NO_RESPONSE;
use super::super::{CallEvent, CalloutBody, GrpcStatus, Upstream};
use super::messages::Messages;
use super::outgoing::Outgoing;
use super::request::GrpcRequest;
use crate::grpc;
use crate::stream::ResponseHead;

const GRPC_STATUS: &str = "grpc-status";
const GRPC_MESSAGE: &str = "grpc-message";

/// A gRPC stream. Its events are the response's head, messages, trailers and the end, in this order, each of them but the
/// messages exactly once. Dropped before the end, it is reset.
pub(crate) struct GrpcStream {
    state: State,
    /// What comes before anything else is done.
    due: VecDeque<CallEvent>,
}

enum State {
    /// Not sent yet.
    New(Box<(GrpcRequest, Outgoing)>),
    Receiving {
        body: CalloutBody,
        messages: Messages,
        upstream: Upstream,
    },
    Over,
}

impl GrpcStream {
    pub(crate) fn new(request: GrpcRequest, body: Outgoing) -> Self {
        Self {
            state: State::New(Box::new((request, body))),
            due: VecDeque::new(),
        }
    }

    /// The next event; `None` after the end.
    pub(crate) async fn next(&mut self) -> Option<CallEvent> {
        loop {
            if let Some(event) = self.due.pop_front() {
                return Some(event);
            }
            match &mut self.state {
                State::New(_) => self.begin().await,
                State::Receiving { messages, .. } => match messages.next() {
                    Ok(Some(message)) => return Some(CallEvent::Message(message)),
                    Ok(None) => self.receive().await,
                    Err(status) => self.fail(status),
                },
                State::Over => return None,
            }
        }
    }

    /// Sends the request and waits for the response's head.
    async fn begin(&mut self) {
        let State::New(new) = std::mem::replace(&mut self.state, State::Over) else {
            return;
        };
        let (request, body) = *new;
        let upstream = request.upstream.clone();
        let messages = Messages::new(request.max_message);
        let Some(response) = upstream.send(request.into_request(body)).await else {
            self.initial(nothing());
            return self.regular_end(stand_in());
        };
        let (head, body) = split(response);
        let status = head.status.unwrap_or_default();
        if body.is_end_stream()
            && (status == StatusCode::OK || head.headers.contains_key(GRPC_STATUS))
        {
            self.initial(nothing());
            self.regular_end(head);
        } else if status == StatusCode::OK {
            self.initial(head);
            self.state = State::Receiving {
                body,
                messages,
                upstream,
            };
        } else {
            self.initial(nothing());
            let code = u32::from(grpc::code(status));
            self.fail(GrpcStatus::new(code, "the response is none of gRPC"));
        }
    }

    /// Waits for more of the body.
    async fn receive(&mut self) {
        let State::Receiving {
            body,
            messages,
            upstream,
        } = &mut self.state
        else {
            return;
        };
        let frame = match body.frame().await {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                let (upstream, error) = (upstream.name(), &*error);
                tracing::debug!(target: "loom::callout", upstream, error, "a gRPC call broke off");
                return self.fail(GrpcStatus::new(
                    GrpcStatus::INTERNAL,
                    "upstream_reset_after_response_started",
                ));
            }
            None => {
                return self.fail(GrpcStatus::new(
                    GrpcStatus::UNKNOWN,
                    "the response has no trailers",
                ));
            }
        };
        match frame.into_data() {
            Ok(data) => messages.push(&data),
            Err(frame) => {
                let headers = frame.into_trailers().unwrap_or_default();
                self.regular_end(ResponseHead {
                    headers,
                    ..nothing()
                });
            }
        }
    }

    fn initial(&mut self, head: ResponseHead) {
        self.due.push_back(CallEvent::InitialMetadata(head));
    }

    /// The regular end.
    fn regular_end(&mut self, trailers: ResponseHead) {
        let status = status_in(&trailers.headers);
        self.end(trailers, status);
    }

    /// An end without trailers.
    fn fail(&mut self, status: GrpcStatus) {
        self.end(nothing(), status);
    }

    fn end(&mut self, trailers: ResponseHead, status: GrpcStatus) {
        // Resets what is not over yet.
        self.state = State::Over;
        self.due.push_back(CallEvent::TrailingMetadata(trailers));
        self.due.push_back(CallEvent::Closed(status));
    }
}

fn split(response: Response<CalloutBody>) -> (ResponseHead, CalloutBody) {
    let (parts, body) = response.into_parts();
    let head = ResponseHead {
        status: Some(parts.status),
        version: parts.version,
        headers: parts.headers,
        framing: None,
    };
    (head, body)
}

/// No metadata at all.
fn nothing() -> ResponseHead {
    ResponseHead {
        status: None,
        version: Version::HTTP_2,
        headers: HeaderMap::new(),
        framing: None,
    }
}

/// What trailers say; without a status, or with none of gRPC's, it is unknown.
fn status_in(trailers: &HeaderMap) -> GrpcStatus {
    let code = trailers
        .get(GRPC_STATUS)
        .and_then(|code| code.to_str().ok()?.parse().ok())
        .filter(|code| *code <= 16)
        .unwrap_or(GrpcStatus::UNKNOWN);
    let message = trailers.get(GRPC_MESSAGE);
    GrpcStatus {
        code,
        message: message
            .map(|text| text.as_bytes().to_vec().into())
            .unwrap_or_default(),
    }
}

/// The response that stands for a failure before there was one, as Envoy's client makes it.
fn stand_in() -> ResponseHead {
    let mut head = ResponseHead {
        status: Some(StatusCode::OK),
        ..nothing()
    };
    head.headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    head.headers
        .insert(GRPC_STATUS, GrpcStatus::UNAVAILABLE.into());
    head.headers
        .insert(GRPC_MESSAGE, HeaderValue::from_static(NO_RESPONSE));
    head
}
