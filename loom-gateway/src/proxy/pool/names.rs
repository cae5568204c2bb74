//! Names of servers that are looked up when a connection is made.

use std::io;

use hyper_util::client::legacy::connect::dns::GaiResolver;
use tower::ServiceExt;
use tower::util::MapErr;

/// The system's resolver, whose errors can be told from those of a connection.
pub(super) type Resolver = MapErr<GaiResolver, fn(io::Error) -> UnknownName>;

/// A name that was not found.
#[derive(Debug, thiserror::Error)]
#[error("the name is not found")]
pub(in crate::proxy) struct UnknownName(#[source] io::Error);

pub(super) fn resolver() -> Resolver {
    GaiResolver::new().map_err(UnknownName)
}
