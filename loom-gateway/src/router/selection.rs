//! Which route of a listener takes a request.

use std::sync::Arc;

use http::{HeaderMap, Uri};
use loom_config::model;

use super::host;
use super::matching::Matcher;
use crate::route::Action;

/// The routes of one listener: how they are found, and what each does with a request behind its plugins.
#[derive(Debug)]
pub(crate) struct Selection {
    matcher: Matcher,
    actions: Vec<Action>,
}

impl Selection {
    /// The routes, each with what it does.
    pub(crate) fn new<'a>(
        routes: impl IntoIterator<Item = (&'a model::Route, Action)>,
    ) -> Arc<Self> {
        let mut this = Self {
            matcher: Matcher::default(),
            actions: Vec::new(),
        };
        for (route, action) in routes {
            this.matcher
                .insert(&route.hosts, &route.paths, this.actions.len());
            this.actions.push(action);
        }
        Arc::new(this)
    }

    /// The number of the route that takes a request, and what it does.
    pub(crate) fn find(&self, uri: &Uri, headers: &HeaderMap) -> Option<(usize, &Action)> {
        let host = host::authority(uri, headers).and_then(host::comparable);
        let host = host.as_deref().unwrap_or_default();
        let route = self.matcher.find(host, uri.path())?;
        Some((route, self.actions.get(route)?))
    }
}
