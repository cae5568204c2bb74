//! What stands around a route's plugins and can answer in their place: who may ask, how often, how much; and what becomes of the
//! response behind them.
//!
//! A route that has none of it has no layer for it. One that has some of it has one stack with one box, in which what it does
//! not have only lets requests pass.

mod body_limit;
mod bypass;
mod compression;
mod cors;
mod gate;
mod layer;
mod networks;
mod rate_limit;

use std::sync::Arc;

use loom_config::model;

pub(super) use layer::MiddlewareLayer;

use networks::Networks;
use rate_limit::RateLimit;

/// What one route has, with the state of each part. All listeners of the route share it.
#[derive(Debug, Clone)]
pub(crate) struct Middleware {
    compression: Option<model::Compression>,
    networks: Option<Arc<Networks>>,
    cors: Option<model::Cors>,
    rate_limit: Option<Arc<RateLimit>>,
    max_body: Option<u64>,
}

impl Middleware {
    /// What a route has; `None` when that is nothing. What `before`, the same route's of the configuration before, remembers is
    /// taken over where nothing else is configured.
    pub(crate) fn new(model: &model::Middleware, before: Option<&Self>) -> Option<Self> {
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
        Some(Self {
            compression: model.compression.clone(),
            networks: networks.map(Arc::new),
            cors: model.cors.clone(),
            rate_limit,
            max_body: model.max_body,
        })
    }
}
