//! The border to the client: refuses what is no request for a gateway, and drops what a client may not say.
//!
//! Everything behind it, plugins included, sees one authority that is well formed, no header that belongs to the
//! client's connection alone, and `x-forwarded-*` headers that are true.

mod admit;
mod headers;
mod service;

pub(crate) use headers::clean_trailers;
pub(super) use headers::{X_FORWARDED_FOR, X_FORWARDED_PROTO};
pub(crate) use service::ClientLayer;
