//! `jwt`

mod keys;

use http::HeaderName;
use jsonwebtoken::Algorithm;

use super::Checker;
use crate::check::headers;
use crate::limits;
use crate::model::{Jwt, TokenPlace};
use crate::raw::{self, JwtAlgorithm, OneOrMany};
use crate::tree::KeyPath;

pub(super) fn check(raw: &raw::Jwt, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Option<Jwt> {
    let wanted = raw.algorithms.as_ref();
    let wanted: Option<Vec<Algorithm>> =
        wanted.map(|list| list.iter().map(|(_, &one)| one.into()).collect());
    let keys = keys::check(raw, wanted.as_deref(), path, checker);
    let at = path.key("leeway");
    let leeway = checker.duration(raw.leeway.as_ref(), &limits::LEEWAY_RANGE, &at);
    if leeway.is_some_and(|leeway| leeway.subsec_nanos() != 0) {
        let message =
            "tokens tell times in seconds, and a part of one would not count; write whole seconds";
        checker.fault(&at, message);
    }
    let from = match &raw.from {
        None => Some(TokenPlace::Bearer),
        Some(raw) => place(raw, &path.key("from"), checker),
    };
    let forward = forward(raw, path, checker);
    Some(Jwt {
        keys: keys?.into(),
        issuers: texts(raw.issuer.as_ref()),
        audiences: texts(raw.audience.as_ref()),
        leeway: leeway.unwrap_or(limits::LEEWAY),
        require: texts(raw.require.as_ref()),
        from: from?,
        forward,
        forward_token: raw.forward_token.unwrap_or(true),
    })
}

fn texts(raw: Option<&OneOrMany<String>>) -> Vec<String> {
    let texts = raw.into_iter().flat_map(OneOrMany::iter);
    texts.map(|(_, text)| text.clone()).collect()
}

fn place(
    raw: &raw::TokenPlace,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<TokenPlace> {
    match (&raw.header, &raw.cookie, &raw.query) {
        (Some(header), None, None) => {
            headers::own(header, &path.key("header"), checker).map(TokenPlace::Header)
        }
        (None, Some(cookie), None) => Some(TokenPlace::Cookie(cookie.clone())),
        (None, None, Some(query)) => Some(TokenPlace::Query(query.clone())),
        (None, None, None) if !checker.is_empty_of(path, &["header", "cookie", "query"]) => None,
        _ => {
            checker.fault(path, "expected one of `header`, `cookie` and `query`");
            None
        }
    }
}

fn forward(
    raw: &raw::Jwt,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Vec<(HeaderName, String)> {
    let path = path.key("forward");
    let mut found = Vec::new();
    for (header, claim) in raw.forward.iter().flatten() {
        let name = headers::own(header, &path.key(header), checker);
        found.extend(name.map(|name| (name, claim.clone())));
    }
    found
}

impl From<JwtAlgorithm> for Algorithm {
    fn from(raw: JwtAlgorithm) -> Self {
        match raw {
            JwtAlgorithm::HS256 => Self::HS256,
            JwtAlgorithm::HS384 => Self::HS384,
            JwtAlgorithm::HS512 => Self::HS512,
            JwtAlgorithm::RS256 => Self::RS256,
            JwtAlgorithm::RS384 => Self::RS384,
            JwtAlgorithm::RS512 => Self::RS512,
            JwtAlgorithm::PS256 => Self::PS256,
            JwtAlgorithm::PS384 => Self::PS384,
            JwtAlgorithm::PS512 => Self::PS512,
            JwtAlgorithm::ES256 => Self::ES256,
            JwtAlgorithm::ES384 => Self::ES384,
            JwtAlgorithm::EdDSA => Self::EdDSA,
        }
    }
}
