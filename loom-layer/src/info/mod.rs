//! What only the server knows of a request, handed to plugins through the extensions of requests and responses.

mod connection;
mod parameters;
mod reply;
mod route;
mod tls;
mod upstream;
mod user;

pub use connection::ConnectionInfo;
pub use parameters::PathParameters;
pub use reply::{LocalReplyInfo, PluginFailure};
pub use route::{Reroute, RouteInfo};
pub use tls::{CertificateInfo, TlsInfo};
pub use upstream::{UpstreamFailure, UpstreamInfo};
pub use user::UserInfo;
