//! What stands around a route's plugins.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use ipnet::IpNet;

use super::{BasicAuth, Jwt};
use crate::limits;

/// What stands around a route's plugins; what is `None` is not there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Middleware {
    /// Which responses are compressed.
    pub compression: Option<Compression>,
    /// The only networks that clients may be in.
    pub ip_allow: Option<Vec<IpNet>>,
    /// The networks that clients may not be in, whatever `ip_allow` says.
    pub ip_deny: Option<Vec<IpNet>>,
    /// Which web pages of other origins may read responses.
    pub cors: Option<Cors>,
    /// How often requests may come.
    pub rate_limit: Option<RateLimit>,
    /// The users who may come.
    pub basic_auth: Option<BasicAuth>,
    /// The tokens that let a request pass.
    pub jwt: Option<Jwt>,
    /// The size of a request's body, in bytes.
    pub max_body: Option<u64>,
}

/// Which responses are compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compression {
    /// Whether with gzip.
    pub gzip: bool,
    /// Whether with Brotli.
    pub br: bool,
    /// Whether with Zstandard.
    pub zstd: bool,
    /// The size below which a response stays as it is, in bytes.
    pub min_size: u64,
    /// Beginnings of content types that stay as they are, in lower case, beside those that always do.
    pub exclude_types: Vec<String>,
}

impl Default for Compression {
    fn default() -> Self {
        Self {
            gzip: true,
            br: true,
            zstd: true,
            min_size: limits::COMPRESSION_MIN_SIZE,
            exclude_types: Vec::new(),
        }
    }
}

/// Which web pages of other origins may read responses. Where a list is `None`, everything is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// The origins of the pages.
    pub origins: Option<Vec<Origin>>,
    /// The methods that they may use.
    pub methods: Option<Vec<Method>>,
    /// The headers that they may send.
    pub headers: Option<Vec<HeaderName>>,
    /// The headers that they may read.
    pub expose_headers: Option<Vec<HeaderName>>,
    /// Whether they may send credentials; not with all origins.
    pub credentials: bool,
    /// How long a browser may keep what it was told before a request.
    pub max_age: Option<Duration>,
}

/// The origin of a web page, or many of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Exactly this one.
    Exact(HeaderValue),
    /// `https://*.example.com:8443`: every host below.
    Below {
        /// `https://`
        scheme: String,
        /// `.example.com:8443`
        domain: String,
    },
}

/// How often requests may come: a bucket of tokens, of which each request takes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// How many tokens come in the time of `per`.
    pub requests: u32,
    /// That time.
    pub per: Duration,
    /// How many tokens a bucket holds.
    pub burst: u32,
    /// Whose bucket it is.
    pub by: RateKey,
}

/// Whose bucket of tokens it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RateKey {
    /// Each address has its own.
    Ip,
    /// Each value of this header has its own; a request without it counts by its address.
    Header(HeaderName),
    /// All requests of the route share one.
    Route,
}
