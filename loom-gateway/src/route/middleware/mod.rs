//! What stands around a route's plugins and can answer in their place: who may ask, how often, how much; and what becomes of the
//! response behind them.
//!
//! A route that has none of it has no layer for it. One that has some of it has one stack with one box, in which what it does
//! not have only lets requests pass.

mod basic_auth;
mod body_limit;
mod bypass;
mod compression;
mod cors;
mod gate;
mod identity;
mod jwt;
mod layer;
mod networks;
mod rate_limit;

use std::sync::Arc;

use loom_config::model;

pub(super) use layer::MiddlewareLayer;

use basic_auth::BasicAuth;
use jwt::Jwt;
use networks::Networks;
use rate_limit::RateLimit;

/// What one route has, with the state of each part. All listeners of the route share it.
#[derive(Debug, Clone)]
pub(crate) struct Middleware {
    compression: Option<model::Compression>,
    networks: Option<Arc<Networks>>,
    cors: Option<model::Cors>,
    rate_limit: Option<Arc<RateLimit>>,
    basic_auth: Option<Arc<BasicAuth>>,
    jwt: Option<Arc<Jwt>>,
    max_body: Option<u64>,
}

impl Middleware {
    /// What a route has; `None` when that is nothing. What `before`, the same route's of the configuration before, remembers is
    /// taken over where nothing else is configured; `users` are those of all routes.
    pub(crate) fn new(
        model: &model::Middleware,
        before: Option<&Self>,
        users: &mut Users,
    ) -> Option<Self> {
        if *model == model::Middleware::default() {
            return None;
        }
        let networks = Networks::new(model.ip_allow.as_deref(), model.ip_deny.as_deref());
        let rate_limit = model.rate_limit.as_ref().and_then(|model| {
            let before = before.and_then(|before| before.rate_limit.as_ref());
            match before {
                Some(same) if same.model() == model => Some(Arc::clone(same)),
                _ => RateLimit::new(model).map(Arc::new),
            }
        });
        let basic_auth = model.basic_auth.as_ref();
        Some(Self {
            basic_auth: basic_auth.and_then(|model| users.find(model)),
            jwt: model.jwt.as_ref().map(|model| Arc::new(Jwt::new(model))),
            compression: model.compression.clone(),
            networks: networks.map(Arc::new),
            cors: model.cors.clone(),
            rate_limit,
            max_body: model.max_body,
        })
    }
}

/// What is known of users, for each configuration of them once: routes that share users share what was verified, and how much is verified
/// at a time.
#[derive(Debug, Default)]
pub(crate) struct Users {
    now: Vec<Arc<BasicAuth>>,
    before: Vec<Arc<BasicAuth>>,
}

impl Users {
    /// Those of a new configuration, which may take over what was known before.
    pub(crate) fn after(before: &Self) -> Self {
        Self {
            now: Vec::new(),
            before: before.now.clone(),
        }
    }

    /// Forgets those that no route of the new configuration has.
    pub(crate) fn forget_before(&mut self) {
        self.before = Vec::new();
    }

    fn find(&mut self, model: &model::BasicAuth) -> Option<Arc<BasicAuth>> {
        let is_same = |known: &&Arc<BasicAuth>| known.model() == model;
        if let Some(same) = self.now.iter().find(is_same) {
            return Some(Arc::clone(same));
        }
        let found = match self.before.iter().find(is_same) {
            Some(same) => Arc::clone(same),
            None => Arc::new(BasicAuth::new(model)?),
        };
        self.now.push(Arc::clone(&found));
        Some(found)
    }
}
