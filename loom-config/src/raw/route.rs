//! `routes`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    BasicAuth, Compression, Cors, DurationText, HeaderChanges, HostHeader, Items, Jwt, NetworkText,
    OneOrMany, PluginEntry, RateLimit, RedirectEntry, RespondEntry, Retry, RewriteEntry, Share,
    SizeText, Switch,
};

/// One route: which requests it takes, which plugins they pass, where they go.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    /// Its name in logs, metrics and plugin properties.
    #[schemars(required, title = "a name")]
    #[schemars(extend("examples" = ["api"]))]
    pub(crate) id: Option<String>,
    /// The paths that it takes: exact, with parameters, everything below with `/*` at the end, or by a regular
    /// expression.
    #[schemars(required)]
    #[schemars(extend("examples" = ["/api/*"]))]
    pub(crate) path: Option<OneOrMany<PathEntry>>,
    /// The hosts that it takes: exact, or everything below with `*.` at the start. Default: every host.
    pub(crate) host: Option<OneOrMany<HostPattern>>,
    /// The methods that it takes, in capitals. `GET` does not include `HEAD`. Default: every method.
    pub(crate) methods: Option<OneOrMany<MethodName>>,
    /// What the headers of its requests have to be: all of these. Default: anything.
    #[schemars(extend("examples" = [{"name": "x-preview", "exact": "1"}]))]
    pub(crate) headers: Option<OneOrMany<FieldTest>>,
    /// What the parameters of the query have to be: all of these. Default: anything.
    #[schemars(extend("examples" = [{"name": "debug", "present": true}]))]
    pub(crate) query: Option<OneOrMany<FieldTest>>,
    /// Decides between routes that are equally close to a request: the lower one wins. Default: 0.
    #[schemars(range(min = i32::MIN, max = i32::MAX), extend("default" = 0))]
    #[schemars(extend("examples" = [-1]))]
    pub(crate) order: Option<i32>,
    /// Names of the listeners that it takes requests from. Default: all.
    pub(crate) listeners: Option<OneOrMany<ListenerName>>,
    /// The plugins that its requests pass, by priority and then in this order. Default: none.
    #[schemars(extend("examples" = [["auth", {"plugin": "limit", "config": {"burst": 5}}]]))]
    pub(crate) plugins: Option<Items<PluginEntry>>,
    /// Whether its requests pass the plugins of `defaults`, too. Default: true.
    #[schemars(extend("default" = true))]
    pub(crate) inherit_plugins: Option<bool>,
    /// Name of the upstream that its requests go to. Default: none; a route has exactly one of `upstream`, `split`,
    /// `redirect` and `respond`.
    #[schemars(title = "the name of an upstream")]
    #[schemars(extend("examples" = ["backend"]))]
    pub(crate) upstream: Option<String>,
    /// Several upstreams that share its requests by weight; one is chosen for each request by chance. Default: none.
    #[schemars(extend("examples" = [[{"upstream": "shop", "weight": 95}, {"upstream": "shop-next", "weight": 5}]]))]
    pub(crate) split: Option<Items<Share>>,
    /// The address that its requests are sent to instead. Default: none.
    #[schemars(extend("examples" = ["https://people.example.com/{id}"]))]
    pub(crate) redirect: Option<RedirectEntry>,
    /// The response that its requests get. Default: none.
    #[schemars(extend("examples" = [403]))]
    pub(crate) respond: Option<RespondEntry>,
    /// The beginning of the path that the upstream does not see: whole segments. Default: none.
    #[schemars(title = "a path such as /api", extend("pattern" = "^/"))]
    #[schemars(extend("examples" = ["/api"]))]
    pub(crate) strip_prefix: Option<String>,
    /// The path that the upstream sees, with parameters of the path of the route. Default: the one of the request.
    #[schemars(extend("examples" = ["/v2/accounts/{id}"]))]
    pub(crate) rewrite: Option<RewriteEntry>,
    /// The `Host` that the upstream sees: what the client sent, the address of the endpoint, or one of the file. Default:
    /// preserve.
    #[schemars(extend("default" = "preserve"))]
    #[schemars(extend("examples" = ["upstream"]))]
    pub(crate) host_header: Option<HostHeader>,
    /// What is changed in the headers of its requests, behind the plugins: `remove`, then `set`, then `add`. Default:
    /// nothing.
    #[schemars(extend("examples" = [{"set": {"x-tenant": "acme"}, "remove": "x-debug"}]))]
    pub(crate) request_headers: Option<HeaderChanges>,
    /// What is changed in the headers of its responses, before the plugins see them: `remove`, then `set`, then
    /// `add`. Default: nothing.
    #[schemars(extend("examples" = [{"remove": "server"}]))]
    pub(crate) response_headers: Option<HeaderChanges>,
    /// Time from the end of a request to the end of its response, from 1ms to 24h; of an upgrade to the 101, of
    /// server-sent events to the headers. Then the answer is 504. Default: no limit.
    #[schemars(extend("examples" = ["30s"]))]
    pub(crate) timeout: Option<DurationText>,
    /// When a request is sent once more. Default: never.
    pub(crate) retry: Option<Retry>,
    /// How long nothing of a request or of its response may pass, from 1ms to 24h: then the answer is 504, or the
    /// response, or the connection that was upgraded, is cut. Default: no limit.
    #[schemars(extend("examples" = ["60s"]))]
    pub(crate) idle_timeout: Option<DurationText>,
    /// Whether, and how, its responses are compressed. `true`: with what is usual. `false`: not. Default: that of `defaults`.
    pub(crate) compression: Option<Switch<Compression, true>>,
    /// The networks that its clients are in; others are answered with 403. `false`: every address. Default: that of
    /// `defaults`.
    pub(crate) ip_allow: Option<Switch<OneOrMany<NetworkText>>>,
    /// The networks whose clients are answered with 403, also where `ip_allow` has them. `false`: none. Default: those of
    /// `defaults`.
    pub(crate) ip_deny: Option<Switch<OneOrMany<NetworkText>>>,
    /// Which web pages of other origins may read its responses. `false`: none. Default: that of `defaults`.
    pub(crate) cors: Option<Switch<Cors>>,
    /// How often requests may come; others are answered with 429. `false`: no limit. Default: that of `defaults`.
    pub(crate) rate_limit: Option<Switch<RateLimit>>,
    /// The users who may come, by name and password; others are answered with 401. `false`: everybody. Default: those of
    /// `defaults`.
    pub(crate) basic_auth: Option<Switch<BasicAuth>>,
    /// The tokens that let a request pass; others are answered with 401. `false`: none is needed. Default: those of `defaults`.
    pub(crate) jwt: Option<Switch<Jwt>>,
    /// The size of a request's body, up to 1024GiB; a larger one is answered with 413. `false`: no limit. Default: that of
    /// `defaults`.
    pub(crate) max_body: Option<Switch<SizeText>>,
}

/// A path of a route.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum PathEntry {
    /// As it is written.
    Path(PathPattern),
    /// All that an expression matches.
    Regex(PathRegex),
}

/// The paths that a regular expression matches.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PathRegex {
    /// A regular expression that matches a whole path. Its named groups are parameters.
    #[schemars(required, title = "a regular expression")]
    #[schemars(extend("examples" = ["/v[0-9]+/(?<rest>.*)"]))]
    pub(crate) regex: Option<String>,
}

/// A path that is written out.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "a path such as /api/* or /health")]
#[schemars(extend("pattern" = "^/", "examples" = ["/health", "/users/{id}", "/api/*", "/*"]))]
pub(crate) struct PathPattern(pub(crate) String);

/// A host of a route.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "a host such as api.example.com or \"*.example.com\"")]
#[schemars(extend("examples" = ["api.example.com", "*.example.com"]))]
pub(crate) struct HostPattern(pub(crate) String);

/// A method of a route.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "a method such as GET")]
#[schemars(extend("examples" = ["GET", "POST"]))]
pub(crate) struct MethodName(pub(crate) String);

/// What a header, or a parameter of the query, has to be: one of `exact`, `regex` and `present`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldTest {
    /// Its name.
    #[schemars(required, title = "a name")]
    #[schemars(extend("examples" = ["x-preview"]))]
    pub(crate) name: Option<String>,
    /// Its whole value. Default: none; a test has exactly one of `exact`, `regex` and `present`.
    #[schemars(extend("examples" = ["1"]))]
    pub(crate) exact: Option<String>,
    /// A regular expression that matches its whole value. Default: none.
    #[schemars(title = "a regular expression")]
    #[schemars(extend("examples" = [".*Firefox/.*"]))]
    pub(crate) regex: Option<String>,
    /// Whether it is there at all. Default: none.
    #[schemars(extend("examples" = [true]))]
    pub(crate) present: Option<bool>,
}

/// The name of a listener.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "the name of a listener", extend("examples" = ["web"]))]
pub(crate) struct ListenerName(pub(crate) String);
