//! What a plugin is told of a call, one callback for each event.

use bytes::Bytes;
use http::HeaderMap;

use crate::abi::{BufferType, MapType};
use crate::observer::CalloutAnswer;
use crate::stream::{Map, ResponseHead};

/// See the module's text.
#[derive(Debug)]
pub(crate) enum CallEvent {
    /// An HTTP call ended with a response: the upstream's, or one that stands for a failure before it, as in Envoy.
    Response {
        head: ResponseHead,
        body: Bytes,
        trailers: HeaderMap,
    },
    /// An HTTP call ended without one: it broke off in the middle of the response, or the response was too large.
    Reset,
    /// A gRPC stream's response began.
    InitialMetadata(ResponseHead),
    /// A gRPC call ended with this message, or a gRPC stream got it.
    Message(Bytes),
    /// The trailers of a gRPC stream. With a status when they came as the head of a response without a body.
    TrailingMetadata(ResponseHead),
    /// A gRPC call failed, or a gRPC stream ended.
    Closed(GrpcStatus),
}

/// How a gRPC call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GrpcStatus {
    pub(crate) code: u32,
    /// As it was sent, so percent-encoded, as in Envoy.
    pub(crate) message: Bytes,
}

impl GrpcStatus {
    pub(crate) const OK: u32 = 0;
    pub(crate) const UNKNOWN: u32 = 2;
    pub(crate) const RESOURCE_EXHAUSTED: u32 = 8;
    pub(crate) const INTERNAL: u32 = 13;
    pub(crate) const UNAVAILABLE: u32 = 14;

    pub(crate) const fn new(code: u32, message: &'static str) -> Self {
        Self {
            code,
            message: Bytes::from_static(message.as_bytes()),
        }
    }
}

/// The code for an HTTP call without a response (Envoy's `BrokenConnection`).
const RESET: u32 = 11;

impl CallEvent {
    /// The name of the callback.
    pub(crate) const fn callback(&self) -> &'static str {
        match self {
            Self::Response { .. } | Self::Reset => "proxy_on_http_call_response",
            Self::InitialMetadata(_) => "proxy_on_grpc_receive_initial_metadata",
            Self::Message(_) => "proxy_on_grpc_receive",
            Self::TrailingMetadata(_) => "proxy_on_grpc_receive_trailing_metadata",
            Self::Closed(_) => "proxy_on_grpc_close",
        }
    }

    /// What came of the call, if this is it.
    pub(crate) fn answer(&self) -> Option<CalloutAnswer> {
        match self {
            Self::Response { head, .. } => head.status.map(CalloutAnswer::Http),
            Self::Reset => Some(CalloutAnswer::Reset),
            Self::Message(_) => Some(CalloutAnswer::Grpc(GrpcStatus::OK)),
            Self::Closed(status) => Some(CalloutAnswer::Grpc(status.code)),
            Self::InitialMetadata(_) | Self::TrailingMetadata(_) => None,
        }
    }

    /// The map of this kind, which is there in this event's callback and in no other.
    pub(crate) fn map(&self, kind: MapType) -> Option<Map<'_>> {
        Some(match (self, kind) {
            (Self::Response { head, .. }, MapType::CallResponseHeaders)
            | (Self::InitialMetadata(head), MapType::GrpcInitialMetadata)
            | (Self::TrailingMetadata(head), MapType::GrpcTrailingMetadata) => Map::response(head),
            // As in Envoy, a map of trailers is there only when there are some.
            (Self::Response { trailers, .. }, MapType::CallResponseTrailers)
                if !trailers.is_empty() =>
            {
                Map::trailers(trailers)
            }
            _ => return None,
        })
    }

    /// The buffer of this kind, likewise.
    pub(crate) fn buffer(&self, kind: BufferType) -> Option<&Bytes> {
        match (self, kind) {
            (Self::Response { body, .. }, BufferType::CallResponseBody) => Some(body),
            (Self::Message(message), BufferType::GrpcMessage) => Some(message),
            _ => None,
        }
    }

    /// What `proxy_get_status` says in the callback.
    pub(crate) fn status(&self) -> (u32, Bytes) {
        match self {
            Self::Reset => (RESET, Bytes::from_static(b"reset")),
            Self::Closed(status) => (status.code, status.message.clone()),
            _ => (0, Bytes::new()),
        }
    }
}
