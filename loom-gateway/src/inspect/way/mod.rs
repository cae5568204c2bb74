//! What a request meets, in the order in which it meets it.
//!
//! This is the one list of that order. What does the work is stacked in `router/mod.rs`, `route/mod.rs` and
//! `route/middleware/layer.rs`; a test takes from a route one thing after the other that refuses a request, and sees that
//! each time the next one of this list answers.

mod action;
mod listener;
mod middleware;
mod plugins;

use loom_config::model::{Config, Listener, Route};
use serde_json::{Value, json};

pub(crate) use listener::listens;

/// One thing that a request meets.
#[derive(Debug)]
pub(crate) struct Step {
    /// The key of the file.
    pub(crate) key: &'static str,
    /// What is said there, in lines.
    pub(crate) says: Vec<String>,
    /// Both in a few words.
    pub(crate) brief: String,
}

impl Step {
    fn new(key: &'static str, says: impl Into<String>) -> Self {
        Self {
            key,
            says: vec![says.into()],
            brief: key.to_owned(),
        }
    }

    /// As JSON.
    pub(super) fn json(&self) -> Value {
        json!({"key": self.key, "says": self.says})
    }
}

/// The steps of a request, from its listener to where it goes.
#[derive(Debug, Default)]
pub(crate) struct Way {
    /// At the listener.
    pub(crate) listener: Vec<Step>,
    /// On its route, if one takes it, up to what is sent to the upstream.
    pub(crate) route: Vec<Step>,
    /// Behind that: where it goes, or what it is answered with.
    pub(crate) action: Vec<Step>,
}

impl Way {
    /// Of a request that is answered before a route is asked.
    pub(super) fn refused(listener: &Listener) -> Self {
        Self {
            listener: border(listener),
            ..Self::default()
        }
    }

    /// Of a request that this route takes, or none.
    pub(super) fn new(config: &Config, listener: &Listener, taken: Option<&Route>) -> Self {
        let mut at_listener = border(listener);
        at_listener.extend(listener.limits.body.map(listener::body_timeout));
        at_listener.extend(plugins::steps(config, &listener.plugins));
        Self {
            listener: at_listener,
            route: taken.map_or_else(Vec::new, |taken| route(config, taken)),
            action: taken.map_or_else(Vec::new, |taken| action::steps(config, taken)),
        }
    }

    /// As JSON.
    pub(super) fn json(&self) -> Value {
        let all = |steps: &[Step]| steps.iter().map(Step::json).collect::<Value>();
        json!({
            "listener": all(&self.listener),
            "route": all(&self.route),
            "action": all(&self.action),
        })
    }
}

/// At a listener, before its plugins: what decides how the request is understood, or answers it.
fn border(listener: &Listener) -> Vec<Step> {
    let steps = [
        listener::proxy_protocol(listener),
        listener::client_auth(listener),
        listener::trusted_proxies(listener),
        listener::redirect_https(listener),
        listener::normalize_path(listener),
    ];
    steps.into_iter().flatten().collect()
}

/// On a route, all but where it leads.
pub(super) fn on_route(config: &Config, taken: &Route) -> Vec<Step> {
    let mut steps = route(config, taken);
    steps.extend(action::retry(taken));
    steps
}

/// On a route, up to what is sent to the upstream.
fn route(config: &Config, route: &Route) -> Vec<Step> {
    let has = &route.middleware;
    let around = [
        has.compression.as_ref().map(middleware::compression),
        middleware::networks("ip_allow", has.ip_allow.as_deref()),
        middleware::networks("ip_deny", has.ip_deny.as_deref()),
        has.cors.as_ref().map(middleware::cors),
        has.rate_limit.as_ref().map(middleware::rate_limit),
        has.basic_auth.as_ref().map(middleware::basic_auth),
        has.jwt.as_ref().map(middleware::jwt),
        has.max_body.map(middleware::max_body),
        route.timeout.map(middleware::timeout),
        route.idle_timeout.map(middleware::idle_timeout),
    ];
    let mut steps: Vec<Step> = around.into_iter().flatten().collect();
    steps.extend(plugins::steps(config, &route.plugins));
    steps.extend(action::changes(&route.changes));
    steps
}
