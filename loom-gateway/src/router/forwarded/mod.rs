//! Who the client is.
//!
//! It is the peer of the connection, unless that is one of the listener's `trusted_proxies`: then it is whom that proxy names
//! in `x-forwarded-for`. The layer here decides it, once for a request and before everything else, and writes it into the
//! request's [`ConnectionInfo`](loom_layer::ConnectionInfo); [`client_address`] is where everybody reads it.

mod chain;
mod service;

use std::net::IpAddr;

use http::Extensions;
use loom_layer::ConnectionInfo;

pub(crate) use service::ForwardedLayer;

/// The address of the client: what the access log and traces name, what a plugin's `source.address` is, what hashes, rate
/// limits and lists of addresses go by. `None` on a Unix socket, whose peers have none.
///
/// The peer's address counts, or that of the header of the PROXY protocol. Is it a trusted proxy's, `x-forwarded-for` is read
/// from its end, as the proxies wrote it: each address there was seen by the one that stands behind it. The first that is no
/// trusted proxy's is the client. Are all of them trusted, it is the one at the beginning, and something that is no address
/// ends the search at the last one that was.
pub(crate) fn client_address(extensions: &Extensions) -> Option<IpAddr> {
    let connection = extensions.get::<ConnectionInfo>()?;
    Some(connection.client().ip())
}
