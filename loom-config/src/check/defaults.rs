//! `defaults`: what holds for routes that do not say otherwise.

use std::time::Duration;

use super::{Checker, changes, headers, retries};
use crate::limits;
use crate::model::{Action, HeaderChanges, HostChange, Retry, Route};
use crate::raw;
use crate::tree::KeyPath;

/// The keys of routes that have a default. The plugins are elsewhere: they are added, not replaced.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    retry: Option<Retry>,
    host: HostChange,
    request_headers: HeaderChanges,
    response_headers: HeaderChanges,
}

impl Defaults {
    pub(super) fn read(raw: Option<&raw::Defaults>, checker: &mut Checker<'_>) -> Self {
        let Some(raw) = raw else {
            return Self::default();
        };
        let section = KeyPath::ROOT.key("defaults");
        let range = &limits::ROUTE_TIMEOUT_RANGE;
        let mut duration = |written: &Option<raw::DurationText>, key| {
            checker.duration(written.as_ref(), range, &section.key(key))
        };
        let timeout = duration(&raw.timeout, "timeout");
        let idle_timeout = duration(&raw.idle_timeout, "idle_timeout");
        let retry = raw.retry.as_ref();
        let host = changes::host(
            raw.host_header.as_ref(),
            &section.key("host_header"),
            checker,
        );
        let mut headers = |written: &Option<raw::HeaderChanges>, key| {
            headers::changes(written.as_ref(), &section.key(key), checker)
        };
        let request_headers = headers(&raw.request_headers, "request_headers");
        let response_headers = headers(&raw.response_headers, "response_headers");
        Self {
            timeout,
            idle_timeout,
            retry: retry.and_then(|raw| retries::check(raw, false, &section.key("retry"), checker)),
            // Otherwise there is a fault.
            host: host.unwrap_or_default(),
            request_headers,
            response_headers,
        }
    }

    /// Fills in what a route does not say. A key that it has stands for all of the default.
    pub(super) fn fill(&self, raw: &raw::Route, route: &mut Route) {
        route.timeout = route.timeout.or(self.timeout);
        route.idle_timeout = route.idle_timeout.or(self.idle_timeout);
        if raw.response_headers.is_none() {
            route
                .changes
                .response_headers
                .clone_from(&self.response_headers);
        }
        if matches!(route.action, Action::Redirect(_) | Action::Respond(_)) {
            return;
        }
        if raw.retry.is_none() {
            route.retry.clone_from(&self.retry);
        }
        if raw.host_header.is_none() {
            route.changes.host.clone_from(&self.host);
        }
        if raw.request_headers.is_none() {
            route
                .changes
                .request_headers
                .clone_from(&self.request_headers);
        }
    }
}
