//! What becomes of a route's requests behind its plugins.

use http::{HeaderName, HeaderValue, StatusCode};

use super::Pattern;

/// What a route does with a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// It goes to this upstream: an index into [`Config::upstreams`](super::Config::upstreams).
    Upstream(usize),
    /// It goes to one of these upstreams; never empty, and their weights are not all 0.
    Split(Vec<Share>),
    /// It is answered with another address.
    Redirect(Redirect),
    /// It is answered with this.
    Respond(Respond),
}

/// One upstream of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Index into [`Config::upstreams`](super::Config::upstreams).
    pub upstream: usize,
    /// Its part of the requests, measured by the sum of all weights.
    pub weight: u32,
}

/// Another address. What is `None` stays as it is in the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: StatusCode,
    /// `http` or `https`.
    pub scheme: Option<String>,
    /// A host, maybe with a port.
    pub host: Option<String>,
    /// The path.
    pub path: Option<Template>,
    /// The query, without its question mark.
    pub query: Option<Template>,
}

/// A response of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respond {
    /// 200 to 599.
    pub status: StatusCode,
    /// Its headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Its body; empty means none.
    pub body: String,
}

/// What is changed in a request that goes to an upstream, and in every response that comes from behind the plugins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Another path.
    pub path: Option<PathChange>,
    /// The `Host` that the upstream sees.
    pub host: HostChange,
    /// The headers of the request.
    pub request_headers: HeaderChanges,
    /// The headers of the response.
    pub response_headers: HeaderChanges,
}

/// Another path. The query stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathChange {
    /// Without this at the beginning.
    Strip(String),
    /// This one.
    Template(Template),
    /// If the path matches, this one, whose parameters are the groups of the expression.
    Regex(Pattern, Template),
}

/// The `Host` that an upstream sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HostChange {
    /// What the client sent.
    #[default]
    Preserve,
    /// The address of the endpoint.
    Endpoint,
    /// This one.
    Set(HeaderValue),
}

/// What is changed in headers: first all of `remove` go, then all of `append` come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderChanges {
    /// Those that go, and those that are set.
    pub remove: Vec<HeaderName>,
    /// Those that are set or added.
    pub append: Vec<(HeaderName, HeaderValue)>,
}

/// A text with parameters in it: `/v2/{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its parts, in their order.
    pub pieces: Vec<Piece>,
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// This text.
    Text(String),
    /// The value of this parameter.
    Parameter(String),
}
