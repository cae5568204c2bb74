//! Calls of gRPC: their deadline, and failures in the words that their clients read.
//!
//! A client of gRPC takes an answer of 504 with a text for a server that does not speak gRPC. So what the gateway itself
//! has to say to it, whatever layer says it, becomes a response of headers alone with `grpc-status` and `grpc-message`,
//! as in Envoy. What cuts a response that has begun ends it with such trailers, where nothing but the wait was at fault.

mod answer;
mod body;
mod deadline;
mod future;
mod service;

pub(crate) use answer::{for_client, shape};
pub(crate) use service::GrpcLayer;
