//! Where a request comes from: the one place that says so to what stands around plugins.

use std::net::IpAddr;

use http::Request;
use loom_layer::ConnectionInfo;

/// The client's address; `None` at a Unix socket, which knows none.
pub(super) fn client<B>(request: &Request<B>) -> Option<IpAddr> {
    let connection = request.extensions().get::<ConnectionInfo>()?;
    Some(connection.peer().ip())
}
