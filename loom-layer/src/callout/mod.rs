//! Calls that plugins make: to whom, how they go, and what a plugin is told of them. Plain Rust, no VM.

mod budget;
mod event;
mod grpc;
mod http;
mod http2;
mod server;
#[cfg(feature = "tls")]
mod tls;
mod upstreams;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

pub(crate) use budget::Budget;
pub(crate) use event::{CallEvent, GrpcStatus};
pub(crate) use grpc::{
    GrpcCall, GrpcRequest, GrpcStream, GrpcTarget, NoTarget, Outgoing, Piece, Sender, prefix,
};
pub(crate) use http::{HttpCall, HttpRequest};
#[cfg(feature = "tls")]
pub use tls::{NoSystemRoots, UpstreamTls};
pub(crate) use upstreams::{Upstream, Upstreams};

use crate::error::BoxError;

/// The body of a callout, as an upstream's service gets it.
pub type CalloutBody = UnsyncBoxBody<Bytes, BoxError>;

/// A call on its way.
pub(crate) enum Call {
    /// `proxy_http_call`; `None` once it was answered.
    Http(Option<Box<HttpCall>>),
    /// `proxy_grpc_call`; `None` once it was answered.
    Grpc(Option<GrpcCall>),
    /// `proxy_grpc_stream`
    Stream(GrpcStream),
}

impl Call {
    /// What happens next; `None` when it is over. The call is made by the first question, and dropping it cancels it.
    pub(crate) async fn next(&mut self) -> Option<CallEvent> {
        match self {
            Self::Http(call) => Some(call.take()?.answer().await),
            Self::Grpc(call) => Some(call.take()?.answer().await),
            Self::Stream(stream) => stream.next().await,
        }
    }
}
