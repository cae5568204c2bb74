//! What a route does: `split`, `redirect`, `respond`, and what it changes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::OneOrMany;
use crate::limits;

/// One upstream of several.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Share {
    /// Name of the upstream.
    #[schemars(required, title = "the name of an upstream")]
    #[schemars(extend("examples" = ["shop"]))]
    pub(crate) upstream: Option<String>,
    /// Its part of the requests, measured by the sum of all weights. 0: none of them.
    #[schemars(required, range(min = 0, max = limits::SHARE_WEIGHT))]
    #[schemars(extend("examples" = [95]))]
    pub(crate) weight: Option<u32>,
}

/// A redirect; the address alone will do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RedirectEntry {
    /// The address alone.
    To(RedirectTo),
    /// All of it.
    Full(Redirect),
}

/// Where a redirect leads to: an address, or a path on the same host.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "an address such as https://example.com/users/{id}")]
#[schemars(extend("examples" = ["https://example.com/", "/users/{id}"]))]
pub(crate) struct RedirectTo(pub(crate) String);

/// Another address: either `to`, or what of the request's address is another one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redirect {
    /// The whole address, or a path on the same host; with parameters of the route's path. Without a query in it, the
    /// request's is kept. Default: none; a redirect has this, or some of `scheme`, `host` and `path`.
    pub(crate) to: Option<RedirectTo>,
    /// Another scheme. Without a `host`, the port is left out. Default: the request's.
    pub(crate) scheme: Option<Scheme>,
    /// Another host, maybe with a port. Default: the request's.
    #[schemars(title = "a host such as example.com")]
    #[schemars(extend("examples" = ["www.example.com"]))]
    pub(crate) host: Option<String>,
    /// Another path, with parameters of the route's path. Default: the request's.
    #[schemars(title = "a path such as /users/{id}")]
    #[schemars(extend("examples" = ["/users/{id}"]))]
    pub(crate) path: Option<String>,
    /// The status: 301, 302, 303, 307 or 308. Default: 302.
    #[schemars(range(min = 301, max = 308), extend("default" = 302))]
    #[schemars(extend("examples" = [308]))]
    pub(crate) status: Option<u16>,
}

/// The scheme of an address.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

/// A response; its status alone will do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RespondEntry {
    /// The status alone.
    Status(RespondStatus),
    /// All of it.
    Full(Respond),
}

/// The status of a response.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "a status from 200 to 599", extend("minimum" = 200, "maximum" = 599))]
pub(crate) struct RespondStatus(pub(crate) u16);

/// A response of the file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Respond {
    /// Its status. Default: 200.
    #[schemars(range(min = 200, max = 599), extend("default" = 200))]
    #[schemars(extend("examples" = [403]))]
    pub(crate) status: Option<u16>,
    /// Its body, plain text if no `content-type` says otherwise. Default: none.
    #[schemars(extend("examples" = ["not here"]))]
    pub(crate) body: Option<String>,
    /// Its headers, each with one value or several. Default: none.
    #[schemars(extend("examples" = [{"cache-control": "max-age=3600"}]))]
    pub(crate) headers: Option<HeaderValues>,
}

/// Headers, each with one value or several.
pub(crate) type HeaderValues = BTreeMap<String, OneOrMany<String>>;

/// Another path; a template alone will do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RewriteEntry {
    /// The path.
    Path(RewritePath),
    /// By a regular expression.
    Regex(RewriteRegex),
}

/// A path, with parameters of the route's path.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "a path such as /users/{id}", extend("pattern" = "^/"))]
pub(crate) struct RewritePath(pub(crate) String);

/// Another path for those that an expression matches; others stay.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RewriteRegex {
    /// The paths that are changed, each matched as a whole; others stay.
    #[schemars(required, title = "a regular expression")]
    #[schemars(extend("examples" = ["/v1/(?<rest>.*)"]))]
    pub(crate) regex: Option<String>,
    /// The path in its place; `{1}` or `{name}` is what a group matched.
    #[schemars(required, title = "a path such as /v2/{1}")]
    #[schemars(extend("examples" = ["/api/{rest}"]))]
    pub(crate) with: Option<String>,
}

/// The `Host` that the upstream sees.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum HostHeader {
    /// A word.
    Word(HostWord),
    /// A host of the file.
    Set(HostSet),
}

/// Whose `Host` the upstream sees.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HostWord {
    /// What the client sent.
    Preserve,
    /// The address of the endpoint.
    Upstream,
}

/// A `Host` of the file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostSet {
    /// The host, maybe with a port.
    #[schemars(required, title = "a host such as api.internal")]
    #[schemars(extend("examples" = ["shop.internal"]))]
    pub(crate) set: Option<String>,
}

/// What is changed in headers: first some go, then some are set, then some are added.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderChanges {
    /// Headers that have these values and no others. Default: none.
    #[schemars(extend("examples" = [{"x-tenant": "acme"}]))]
    pub(crate) set: Option<HeaderValues>,
    /// Values beside those that are there. Default: none.
    #[schemars(extend("examples" = [{"x-seen-by": "loom"}]))]
    pub(crate) add: Option<HeaderValues>,
    /// Headers that go. Default: none.
    #[schemars(extend("examples" = ["x-debug"]))]
    pub(crate) remove: Option<OneOrMany<HeaderText>>,
}

/// The name of a header.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "the name of a header", extend("examples" = ["x-request-id"]))]
pub(crate) struct HeaderText(pub(crate) String);
