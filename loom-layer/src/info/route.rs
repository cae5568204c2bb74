//! The route that a request took.

use std::sync::Arc;

/// The route that a request took, for the properties `xds.route_name`, `route_name`, `xds.cluster_name` and
/// `cluster_name`.
///
/// Put it into the request's extensions before the layer. In the response's extensions it says that another route was taken
/// in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    inner: Arc<Names>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Names {
    route: String,
    upstream: Option<String>,
}

impl RouteInfo {
    /// The route of this name.
    pub fn new(route: impl Into<String>) -> Self {
        Self {
            inner: Arc::new(Names {
                route: route.into(),
                upstream: None,
            }),
        }
    }

    /// Names the upstream that the route leads to.
    #[must_use]
    pub fn upstream(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.inner).upstream = Some(name.into());
        self
    }

    /// The route's name.
    pub fn route_name(&self) -> &str {
        &self.inner.route
    }

    /// The upstream's name.
    pub fn upstream_name(&self) -> Option<&str> {
        self.inner.upstream.as_deref()
    }
}

/// A plugin asked that the route is chosen anew, by what the request says now (`proxy_clear_route_cache`).
///
/// The layer puts it into the extensions of the request that goes to the inner service. Whoever chose the route may look for
/// it there; for everybody else it means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reroute;
