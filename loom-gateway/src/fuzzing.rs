//! What fuzz targets need from inside. No part of the interface: it changes without notice.

use http::Uri;
use loom_config::model::NormalizePath;

use crate::listener::try_proxy_header;
use crate::router::normalize_path;

/// Gives a target's path its one normal spelling; `false` when it has none, and the request would be refused.
#[must_use]
pub fn normalize(uri: &mut Uri) -> bool {
    normalize_path(uri, NormalizePath::default()).is_ok()
}

/// Reads a header of the PROXY protocol.
///
/// # Panics
///
/// When one that is whole could be taken for one that is not, or the other way round.
pub fn proxy_header(bytes: &[u8]) {
    try_proxy_header(bytes);
}
