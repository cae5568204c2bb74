//! gRPC calls and streams, over whatever the upstream is: a request of HTTP/2 whose body is a row of messages.
//!
//! What a plugin is told, and in which order, is as in Envoy.

mod call;
mod messages;
mod outgoing;
mod protobuf;
mod request;
mod stream;
mod target;

pub(crate) use call::GrpcCall;
pub(crate) use messages::prefix;
pub(crate) use outgoing::{Outgoing, Piece, Sender};
pub(crate) use request::GrpcRequest;
pub(crate) use stream::GrpcStream;
pub(crate) use target::{GrpcTarget, NoTarget};
