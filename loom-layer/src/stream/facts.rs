//! What the host knows of a stream beside its heads and bodies, for plugins that ask.

use std::cell::OnceCell;
use std::time::{Duration, Instant, SystemTime};

use http::Extensions;

use crate::info::{
    ConnectionInfo, PathParameters, RouteInfo, UpstreamFailure, UpstreamInfo, UserInfo,
};

/// Envoy's bit in `response.flags` for a client that went away.
const DOWNSTREAM_GONE: u64 = 0x4000;

/// See the module's text. Nothing is kept for a chain that cannot ask.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The downstream connection, if the server told.
    pub(super) connection: Option<ConnectionInfo>,
    /// The route, if the server told.
    pub(super) route: Option<RouteInfo>,
    /// What the route took out of the path, if the server told.
    pub(super) path_parameters: Option<PathParameters>,
    /// Who the client has proved to be, if the server told.
    pub(super) user: Option<UserInfo>,
    /// How the upstream was reached, if the inner service told.
    pub(super) upstream: Option<UpstreamInfo>,
    /// Bytes of the request's body that entered the plugins.
    pub(super) received: u64,
    /// Bytes of the response's body that left.
    pub(super) sent: u64,
    clock: Option<Clock>,
    abandoned: bool,
}

#[derive(Debug)]
struct Clock {
    /// When the request reached the layer; the date of that is found out when somebody asks.
    began: Instant,
    wall: OnceCell<SystemTime>,
    forwarded: Option<Instant>,
    ended: Option<Instant>,
}

impl Facts {
    /// What a request's extensions tell, at its beginning.
    pub(super) fn begin(extensions: &Extensions) -> Self {
        Self {
            connection: extensions.get().cloned(),
            route: extensions.get().cloned(),
            path_parameters: extensions.get().cloned(),
            user: extensions.get().cloned(),
            clock: Some(Clock {
                began: Instant::now(),
                wall: OnceCell::new(),
                forwarded: None,
                ended: None,
            }),
            ..Self::default()
        }
    }

    /// Whether a plugin may ask.
    pub(super) fn are_asked(&self) -> bool {
        self.clock.is_some()
    }

    /// The inner service gets the request.
    pub(super) fn forward(&mut self) {
        if let Some(clock) = &mut self.clock {
            clock.forwarded = Some(Instant::now());
        }
    }

    /// What a response's extensions tell.
    pub(super) fn respond(&mut self, extensions: &Extensions) {
        self.upstream = extensions.get().cloned();
        if let Some(route) = extensions.get::<RouteInfo>() {
            self.route = Some(route.clone());
            self.path_parameters = extensions.get().cloned();
        }
    }

    /// How the response left: so many bytes of its body, and whether nobody waited for the rest.
    pub(super) fn end(&mut self, sent: u64, abandoned: bool) {
        self.sent = sent;
        self.abandoned = abandoned;
        if let Some(clock) = &mut self.clock {
            clock.ended.get_or_insert_with(Instant::now);
        }
    }

    pub(super) fn time(&self) -> Option<SystemTime> {
        let clock = self.clock.as_ref()?;
        let date = || SystemTime::now() - clock.began.elapsed();
        Some(*clock.wall.get_or_init(date))
    }

    /// From the request's beginning to the stream's end.
    pub(super) fn duration(&self) -> Option<Duration> {
        let clock = self.clock.as_ref()?;
        Some(clock.ended?.duration_since(clock.began))
    }

    /// From the inner service's call to the stream's end.
    pub(super) fn latency(&self) -> Option<Duration> {
        let clock = self.clock.as_ref()?;
        Some(clock.ended?.duration_since(clock.forwarded?))
    }

    /// Envoy's bits for what went wrong.
    pub(super) fn flags(&self) -> u64 {
        let upstream = self.upstream.as_ref().and_then(UpstreamInfo::why_failed);
        let gone = if self.abandoned { DOWNSTREAM_GONE } else { 0 };
        gone | upstream.map_or(0, UpstreamFailure::flag)
    }
}
