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
    #[schemars(extend("examples" = ["127.0.0.1:9091"]))]
    pub(crate) address: Option<Address>,
    /// What has to be sent as `Authorization: Bearer TOKEN`: 16 to 1024 visible characters; `/healthz` and `/readyz`
    /// need none. Default: no token.
    #[schemars(extend("examples" = ["${ADMIN_TOKEN}"]))]
    pub(crate) token: Option<String>,
}
