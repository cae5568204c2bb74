//! `rate_limit`: buckets of tokens, of which each request takes one, by governor.

mod key;
mod store;

use std::num::NonZeroU32;
use std::time::Duration;

use axum::body::Body;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::header::{HeaderValue, RETRY_AFTER};
use http::{Request, Response};
use loom_config::model;

use super::gate::Check;
use crate::errors::Failure;
use key::{Key, KeyOf};
use store::Store;

/// The buckets of one route.
#[derive(Debug)]
pub(super) struct RateLimit {
    model: model::RateLimit,
    buckets: Buckets,
}

#[derive(Debug)]
enum Buckets {
    One(DefaultDirectRateLimiter),
    Each(RateLimiter<Key, Store, DefaultClock>, KeyOf),
}

impl RateLimit {
    /// Full buckets. `None` is a rate that there cannot be, which the configuration has refused.
    pub(super) fn new(model: &model::RateLimit) -> Option<Self> {
        let quota = Quota::with_period(model.per / model.requests)?;
        let quota = quota.allow_burst(NonZeroU32::new(model.burst)?);
        let each = |of: KeyOf| {
            let limiter = RateLimiter::new(quota, Store::default(), DefaultClock::default());
            Buckets::Each(limiter, of)
        };
        let buckets = match &model.by {
            model::RateKey::Route => Buckets::One(RateLimiter::direct(quota)),
            model::RateKey::Ip => each(KeyOf::address()),
            model::RateKey::Header(name) => each(KeyOf::header(name.clone())),
        };
        Some(Self {
            model: model.clone(),
            buckets,
        })
    }

    /// What it was made of.
    pub(super) fn model(&self) -> &model::RateLimit {
        &self.model
    }

    /// Takes a token, or says how long to wait for the next one.
    fn take(&self, request: &Request<Body>) -> Result<(), Duration> {
        let (result, clock) = match &self.buckets {
            Buckets::One(limiter) => (limiter.check(), limiter.clock()),
            Buckets::Each(limiter, of) => (limiter.check_key(&of.key(request)), limiter.clock()),
        };
        result.map_err(|not_until| not_until.wait_time_from(clock.now()))
    }
}

impl Check for RateLimit {
    fn refuse(&self, request: &mut Request<Body>) -> Option<Response<Body>> {
        let wait = self.take(request).err()?;
        let mut response = Failure::RateLimited.respond(request.uri().path(), None);
        // Whole seconds, and not so early that it is refused again.
        let seconds = HeaderValue::from(wait.as_millis().div_ceil(1000).max(1) as u64);
        response.headers_mut().insert(RETRY_AFTER, seconds);
        Some(response)
    }
}
