//! What stands around a route's plugins: of `defaults`, and of each route.

mod basic_auth;
mod compression;
mod cors;
mod jwt;
mod rate_limit;

use super::{Checker, networks};
use crate::limits;
use crate::model::{Compression, Middleware};
use crate::raw::{self, Switch};
use crate::tree::KeyPath;

/// Reads the keys of one mapping. Where it has none, what `defaults` says holds.
pub(super) fn check(
    raw: raw::Middleware<'_>,
    defaults: &Middleware,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Middleware {
    let mut place = Place { path, checker };
    let compression = match raw.compression {
        Some(Switch::Flag(true)) => Some(Compression::default()),
        raw => place.read(
            "compression",
            raw,
            &defaults.compression,
            compression::check,
        ),
    };
    Middleware {
        compression,
        ip_allow: place.read(
            "ip_allow",
            raw.ip_allow,
            &defaults.ip_allow,
            networks::check,
        ),
        ip_deny: place.read("ip_deny", raw.ip_deny, &defaults.ip_deny, networks::check),
        cors: place.read("cors", raw.cors, &defaults.cors, cors::check),
        rate_limit: place.read(
            "rate_limit",
            raw.rate_limit,
            &defaults.rate_limit,
            rate_limit::check,
        ),
        basic_auth: place.read(
            "basic_auth",
            raw.basic_auth,
            &defaults.basic_auth,
            basic_auth::check,
        ),
        jwt: place.read("jwt", raw.jwt, &defaults.jwt, jwt::check),
        max_body: place.read(
            "max_body",
            raw.max_body,
            &defaults.max_body,
            |raw, path, checker| checker.size(Some(raw), &limits::MAX_BODY_RANGE, path),
        ),
    }
}

/// The mapping that the keys stand in.
struct Place<'a, 'b, 'c> {
    path: &'a KeyPath<'a>,
    checker: &'b mut Checker<'c>,
}

impl Place<'_, '_, '_> {
    /// What a key says: something, nothing at all, or what it has by default.
    fn read<T, U: Clone, const ALONE: bool>(
        &mut self,
        key: &str,
        raw: Option<&Switch<T, ALONE>>,
        default: &Option<U>,
        read: impl FnOnce(&T, &KeyPath<'_>, &mut Checker<'_>) -> Option<U>,
    ) -> Option<U> {
        let path = self.path.key(key);
        match raw {
            Some(Switch::On(raw)) => read(raw, &path, self.checker),
            Some(Switch::Flag(false)) => None,
            Some(Switch::Flag(true)) => {
                self.checker
                    .fault(&path, "found true, which does not say what to do")
                    .with_hint("`false` switches off what `defaults` says");
                None
            }
            None if self.checker.is_null_written(self.path, key) => None,
            None => default.clone(),
        }
    }
}
