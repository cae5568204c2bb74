//! What stands around the plugins of a route.

use std::time::Duration;

use ipnet::IpNet;
use loom_config::model::{
    BasicAuth, Compression, Cors, Jwt, Origin, RateKey, RateLimit, TokenPlace,
};

use super::Step;
use super::listener;
use crate::inspect::words::{self, duration, listed, size};

pub(super) fn compression(has: &Compression) -> Step {
    let encodings = [("gzip", has.gzip), ("br", has.br), ("zstd", has.zstd)];
    let encodings = encodings.iter().filter(|(_, there)| *there);
    let encodings: Vec<_> = encodings.map(|(name, _)| *name).collect();
    let mut says = format!("{} from {} on", encodings.join(", "), size(has.min_size));
    if !has.exclude_types.is_empty() {
        says = format!("{says}, but not {}", has.exclude_types.join(", "));
    }
    Step::new("compression", says)
}

pub(super) fn networks(key: &'static str, networks: Option<&[IpNet]>) -> Option<Step> {
    networks.map(|networks| Step::new(key, listener::networks(networks)))
}

pub(super) fn cors(has: &Cors) -> Step {
    let origins = match &has.origins {
        None => "any origin".to_owned(),
        Some(origins) => {
            let origins = origins.iter().map(|origin| match origin {
                Origin::Exact(origin) => String::from_utf8_lossy(origin.as_bytes()).into_owned(),
                Origin::Below { scheme, domain } => format!("{scheme}*{domain}"),
            });
            origins.collect::<Vec<_>>().join(", ")
        }
    };
    let methods = match &has.methods {
        None => "any method".to_owned(),
        Some(methods) => listed(methods),
    };
    let credentials = if has.credentials {
        ", with credentials"
    } else {
        ""
    };
    Step::new("cors", format!("{origins}; {methods}{credentials}"))
}

pub(super) fn rate_limit(has: &RateLimit) -> Step {
    let by = match &has.by {
        RateKey::Ip => "each address",
        RateKey::Header(name) => &format!("each value of {name}"),
        RateKey::Route => "all together",
    };
    let (requests, burst) = (has.requests, has.burst);
    let per = duration(has.per);
    Step::new(
        "rate_limit",
        format!("{requests} in {per}, {burst} at once, {by}"),
    )
}

pub(super) fn basic_auth(has: &BasicAuth) -> Step {
    let users = words::count(has.users.len(), "user");
    let tells = match &has.user_header {
        None => String::new(),
        Some(name) => format!("; {name} tells the name"),
    };
    Step::new("basic_auth", format!("{users}{tells}"))
}

pub(super) fn jwt(has: &Jwt) -> Step {
    let from = match &has.from {
        TokenPlace::Bearer => "authorization",
        TokenPlace::Header(name) => name.as_str(),
        TokenPlace::Cookie(name) => &format!("the cookie {name}"),
        TokenPlace::Query(name) => &format!("the query {name}"),
    };
    let mut says = format!("a token in {from}, {}", words::count(has.keys.len(), "key"));
    for (key, values) in [
        ("issuer", &has.issuers),
        ("audience", &has.audiences),
        ("require", &has.require),
    ] {
        if !values.is_empty() {
            // Every claim has to be there, and one of the others' values.
            let between = if key == "require" { " and " } else { " or " };
            says = format!("{says}, {key} {}", values.join(between));
        }
    }
    Step::new("jwt", says)
}

pub(super) fn max_body(bytes: u64) -> Step {
    Step::new("max_body", size(bytes))
}

pub(super) fn timeout(time: Duration) -> Step {
    let says = "from the end of the request to the end of the response";
    Step::new("timeout", format!("{} {says}", duration(time)))
}

pub(super) fn idle_timeout(time: Duration) -> Step {
    let says = "in which nothing passes";
    Step::new("idle_timeout", format!("{} {says}", duration(time)))
}
