//! `admin`

use schemars::JsonSchema;
use serde::Deserialize;

use super::listener::Address;

/// Where the gateway tells about itself: health, metrics, what is configured and how it does.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Admin {
    /// IP address and port. Anything but the machine itself (`127.0.0.1`, `[::1]`) needs a `token`.
    #[schemars(required)]
    pub(crate) address: Option<Address>,
    /// What has to be sent as `Authorization: Bearer TOKEN`, 16 characters and more; `/healthz` and `/readyz` need none.
    /// Default: no token.
    pub(crate) token: Option<String>,
}
