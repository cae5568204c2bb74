#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod certificate;
mod check;
mod document;
mod error;
mod expand;
mod include;
mod included;
mod limits;
mod load;
pub mod model;
mod overrides;
mod raw;
mod schema;
mod secret;
mod suggest;
mod tree;
mod units;

pub use certificate::CertificateFacts;
pub use document::Document;
pub use error::{Error, Fault};
pub use load::{Loader, load};
pub use model::Config;
pub use schema::{reference, schema};
pub use secret::Secret;

/// The smallest file that does something: everything is answered by the built-in `echo` upstream.
///
/// For those who start from nothing. It loads as it is.
pub const MINIMAL: &str = "\
routes:
  - id: all
    path: /*
    upstream: echo
upstreams:
  - name: echo
    builtin: echo
";
