//! What stands around a route's plugins: keys of `routes[]`, and of `defaults` for routes that do not say otherwise.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::route::MethodName;
use super::{BasicAuth, Defaults, DurationText, HeaderText, Jwt, OneOrMany, Route, SizeText};
use crate::limits;

/// The keys of one mapping, whichever that is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Middleware<'a> {
    pub(crate) compression: Option<&'a Switch<Compression, true>>,
    pub(crate) ip_allow: Option<&'a Switch<OneOrMany<NetworkText>>>,
    pub(crate) ip_deny: Option<&'a Switch<OneOrMany<NetworkText>>>,
    pub(crate) cors: Option<&'a Switch<Cors>>,
    pub(crate) rate_limit: Option<&'a Switch<RateLimit>>,
    pub(crate) basic_auth: Option<&'a Switch<BasicAuth>>,
    pub(crate) jwt: Option<&'a Switch<Jwt>>,
    pub(crate) max_body: Option<&'a Switch<SizeText>>,
}

/// Both mappings have the same keys.
macro_rules! middleware {
    ($($mapping:ty),*) => {$(
        impl $mapping {
            /// What stands around plugins.
            pub(crate) fn middleware(&self) -> Middleware<'_> {
                Middleware {
                    compression: self.compression.as_ref(),
                    ip_allow: self.ip_allow.as_ref(),
                    ip_deny: self.ip_deny.as_ref(),
                    cors: self.cors.as_ref(),
                    rate_limit: self.rate_limit.as_ref(),
                    basic_auth: self.basic_auth.as_ref(),
                    jwt: self.jwt.as_ref(),
                    max_body: self.max_body.as_ref(),
                }
            }
        }
    )*};
}

middleware!(Route, Defaults);

/// Something, or `false` where `defaults` has it and this route shall not. `ALONE` says whether `true` is enough to have it.
#[derive(Debug, Deserialize)]
#[serde(untagged, bound = "T: Deserialize<'de>")]
pub(crate) enum Switch<T, const ALONE: bool = false> {
    /// `false`; or `true`, which is for the checks to report where it is not enough.
    Flag(bool),
    /// It.
    On(T),
}

impl<T: JsonSchema, const ALONE: bool> JsonSchema for Switch<T, ALONE> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Switch_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let flag = if ALONE {
            json_schema!({ "title": "true or false", "type": "boolean" })
        } else {
            json_schema!({ "title": "false", "type": "boolean", "const": false })
        };
        let on = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [flag, on] })
    }
}

/// Addresses: one, or all of a network.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "a network such as 10.0.0.0/8, or an address")]
#[schemars(extend("examples" = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]))]
pub(crate) struct NetworkText(pub(crate) String);

/// How often requests may come: a bucket of tokens, of which each request takes one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateLimit {
    /// How many tokens come in the time of `per`.
    #[schemars(required, range(min = *limits::RATE_REQUESTS.start(), max = *limits::RATE_REQUESTS.end()))]
    #[schemars(extend("examples" = [100]))]
    pub(crate) requests: Option<u32>,
    /// The time in which `requests` tokens come, evenly, from 1ms to 24h. Default: 1s.
    #[schemars(extend("default" = "1s"))]
    pub(crate) per: Option<DurationText>,
    /// How many tokens a bucket holds, which is how many requests may come at once. Default: `requests`.
    #[schemars(range(min = *limits::RATE_REQUESTS.start(), max = *limits::RATE_REQUESTS.end()))]
    #[schemars(extend("examples" = [200]))]
    pub(crate) burst: Option<u32>,
    /// Whose bucket it is: each address's own, each value's of a header, or one for the whole route. Default: ip.
    #[schemars(extend("default" = "ip"))]
    pub(crate) by: Option<RateKey>,
}

/// Whose bucket of tokens it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RateKey {
    /// A word.
    Word(RateKeyWord),
    /// The value of a header.
    Header(RateKeyHeader),
}

/// Whose bucket of tokens it is, where a word says it.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RateKeyWord {
    /// Each address has its own; of IPv6, each network of 64 bits.
    Ip,
    /// All requests of the route share one.
    Route,
}

/// The header whose values have a bucket each.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateKeyHeader {
    /// The name of the header. A request without it counts by its address.
    #[schemars(required, title = "the name of a header")]
    #[schemars(extend("examples" = ["x-api-key"]))]
    pub(crate) header: Option<String>,
}

/// Which web pages of other origins may read responses (CORS, as the Fetch standard describes it).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cors {
    /// The origins of the pages: exact, everything below with `*.` in front of the host, or `"*"` for all.
    #[schemars(required)]
    pub(crate) origins: Option<OneOrMany<OriginText>>,
    /// The methods that they may use; `"*"` for all. Default: GET, HEAD and POST.
    pub(crate) methods: Option<OneOrMany<MethodName>>,
    /// The headers that they may send beside those that all pages may; `"*"` for all. Default: none.
    pub(crate) headers: Option<OneOrMany<HeaderText>>,
    /// The headers that they may read beside those that all pages may; `"*"` for all. Default: none.
    pub(crate) expose_headers: Option<OneOrMany<HeaderText>>,
    /// Whether they may send cookies and other credentials. Default: false.
    #[schemars(extend("default" = false))]
    pub(crate) credentials: Option<bool>,
    /// How long a browser may keep what it was told before a request, from 0s to 24h. Default: what the browser likes.
    pub(crate) max_age: Option<DurationText>,
}

/// The origin of a web page.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "an origin such as https://example.com")]
#[schemars(extend("examples" = ["https://example.com", "https://*.example.com", "*"]))]
pub(crate) struct OriginText(pub(crate) String);

/// Which responses are compressed, for clients that say they can read it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compression {
    /// In which ways. Of those that a client likes equally, the first of zstd, br and gzip is used. Default: all three.
    pub(crate) encodings: Option<OneOrMany<Encoding>>,
    /// The size below which a response stays as it is, if its size is known, up to 1GiB. Default: 1KiB.
    #[schemars(extend("default" = "1KiB"))]
    pub(crate) min_size: Option<SizeText>,
    /// Beginnings of content types that stay as they are, beside those that would gain nothing or must not wait: images, audio,
    /// video, archives, event streams, gRPC. Default: none.
    pub(crate) exclude_types: Option<OneOrMany<ContentTypeText>>,
}

/// A way to compress.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encoding {
    /// gzip.
    Gzip,
    /// Brotli.
    Br,
    /// Zstandard.
    Zstd,
}

/// The beginning of a content type.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "a content type such as text/csv", extend("examples" = ["text/csv", "application/x-"]))]
pub(crate) struct ContentTypeText(pub(crate) String);
