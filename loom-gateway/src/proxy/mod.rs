//! The inside of every route: an upstream as a tower service.
//!
//! A request that comes here is complete: checked, cleaned and changed by plugins. What is left is to pick an endpoint,
//! to write the one form that an HTTP/1.1 server expects, and to turn what goes wrong into a response.
//!
//! What plugins call by an upstream's name goes the same way, but for the last step.

mod attempt;
mod callouts;
mod directory;
mod echo;
mod failure;
mod framing;
mod future;
mod pool;
mod retry;
mod rewrite;
mod service;
mod upstream;

pub(crate) use directory::Directory;
pub(crate) use pool::Secure;
pub use pool::SecureError;
pub(crate) use retry::Retries;
pub(crate) use service::{ProxyService, Reports};
pub(crate) use upstream::Upstream;
pub use upstream::{EndpointHealth, EndpointStatus, UpstreamStatus};
