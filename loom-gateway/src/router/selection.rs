//! Which route of a listener takes a request.

use std::sync::Arc;

use http::{HeaderMap, Method, Uri};
use loom_config::model::{self, NormalizePath, PathMatch};
use loom_layer::PathParameters;

use super::matching::Matcher;
use super::normalize::normalize_path;
use super::parameters;
use crate::errors::Failure;
use crate::route::Action;

/// The routes of one listener: how they are found, and what each does with a request behind its plugins.
#[derive(Debug)]
pub(crate) struct Selection {
    matcher: Matcher,
    routes: Vec<Entry>,
    /// The rules by which paths are spelled where a route is chosen.
    paths: NormalizePath,
}

#[derive(Debug)]
struct Entry {
    action: Arc<Action>,
    paths: Vec<PathMatch>,
}

/// The route that takes a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selected<'a> {
    /// Its place among the routes of the listener.
    pub(crate) place: usize,
    /// What it does.
    pub(crate) action: &'a Action,
    /// The path of the route that it was found by.
    pub(super) path: &'a PathMatch,
}

impl Selection {
    /// The routes, each with what it does.
    pub(crate) fn new<'a>(
        routes: impl IntoIterator<Item = (&'a model::Route, Arc<Action>)>,
        paths: NormalizePath,
    ) -> Arc<Self> {
        let (routes, actions): (Vec<&model::Route>, Vec<Arc<Action>>) = routes.into_iter().unzip();
        let matcher = Matcher::new(&routes);
        let entries = routes.into_iter().zip(actions);
        let entries = entries.map(|(route, action)| Entry {
            action,
            paths: route.paths.clone(),
        });
        Arc::new(Self {
            matcher,
            routes: entries.collect(),
            paths,
        })
    }

    /// Whether a request of which another route is chosen may come to one with a time of its own.
    pub(crate) fn have_timeouts(&self) -> bool {
        let mut routes = self.routes.iter();
        routes.any(|route| route.action.timeout().is_some())
    }

    /// Gives a path that a plugin wrote the spelling in which routes are compared with it.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub(crate) fn normalize(&self, uri: &mut Uri) -> Result<(), Failure> {
        normalize_path(uri, self.paths)
    }

    /// The route that takes a request.
    pub(crate) fn find(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<Selected<'_>> {
        let found = self.matcher.find(method, uri, headers)?;
        let Entry { action, paths } = self.routes.get(found.route)?;
        Some(Selected {
            place: found.route,
            action,
            path: paths.get(found.path)?,
        })
    }
}

impl Selected<'_> {
    /// What the route has names for in the path that it was found by; `None` when it has none.
    pub(crate) fn parameters(&self, path: &str) -> Option<PathParameters> {
        parameters::of(self.path, path)
    }
}
