//! A gRPC call with one message each way.

use std::time::Duration;

use tokio::time::Instant;

use super::super::http::{TIMEOUT, within};
use super::super::{CallEvent, GrpcStatus};
use super::outgoing::{Outgoing, Piece};
use super::request::GrpcRequest;
use super::stream::GrpcStream;
use bytes::Bytes;

/// A call that was not made yet.
pub(crate) struct GrpcCall {
    stream: GrpcStream,
    timeout: Duration,
}

impl GrpcCall {
    /// A call with this message, which has its prefix.
    pub(crate) fn new(request: GrpcRequest, message: Bytes, timeout: Duration) -> Self {
        let (sender, body) = Outgoing::new();
        let last = true;
        // The receiver is right here.
        let _ = sender.send(Piece { message, last });
        Self {
            stream: GrpcStream::new(request, body),
            timeout,
        }
    }

    /// Makes the call and waits for its end: a message, or how it failed.
    pub(in super::super) async fn answer(self) -> CallEvent {
        let deadline = Instant::now().checked_add(self.timeout);
        let timed_out = || CallEvent::Closed(GrpcStatus::new(GrpcStatus::UNAVAILABLE, TIMEOUT));
        within(deadline, only(self.stream))
            .await
            .unwrap_or_else(timed_out)
    }
}

/// What a stream comes to. Of several messages it is the last one, as in Envoy.
async fn only(mut stream: GrpcStream) -> CallEvent {
    let mut answer = None;
    while let Some(event) = stream.next().await {
        match event {
            CallEvent::Message(message) => answer = Some(message),
            CallEvent::Closed(GrpcStatus {
                code: GrpcStatus::OK,
                ..
            }) => break,
            CallEvent::Closed(status) => return CallEvent::Closed(status),
            _ => {}
        }
    }
    match answer {
        Some(message) => CallEvent::Message(message),
        None => CallEvent::Closed(GrpcStatus::new(
            GrpcStatus::INTERNAL,
            "the response has no message",
        )),
    }
}
