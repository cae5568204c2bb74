//! `routes`

use http::Method;

use super::defaults::Defaults;
use super::names;
use super::plugin_lists::PluginLists;
use super::{
    AllNames, Checker, actions, changes, conditions, equal_routes, hosts, middleware, paths,
    retries,
};
use crate::limits;
use crate::model::{Action, Middleware, Route};
use crate::raw::{self, Items, OneOrMany, Raw};
use crate::tree::KeyPath;

pub(super) fn check(
    raw: &Raw,
    names: &AllNames<'_>,
    lists: &PluginLists<'_>,
    checker: &mut Checker<'_>,
) -> Option<Vec<Route>> {
    let defaults = Defaults::read(raw.defaults.as_ref(), checker);
    let around = raw.defaults.as_ref().map(raw::Defaults::middleware);
    let around = middleware::check(
        around.unwrap_or_default(),
        &Middleware::default(),
        &KeyPath::ROOT.key("defaults"),
        checker,
    );
    let raw = raw.routes.as_ref();
    let section = KeyPath::ROOT.key("routes");
    let ids = raw
        .into_iter()
        .flat_map(Items::iter)
        .map(|(index, route)| (index, route.id.as_deref()));
    names::ROUTES.collect(ids, checker);
    let mut routes = Vec::new();
    for (index, raw) in raw.into_iter().flat_map(Items::iter) {
        let path = section.index(index);
        let scope = Scope {
            names,
            lists,
            defaults: &defaults,
            middleware: &around,
            path: &path,
        };
        routes.push((index, scope.route(raw, checker)));
    }
    equal_routes::check(&routes, checker);
    routes.into_iter().map(|(_, route)| route).collect()
}

/// What one route is checked with.
struct Scope<'a> {
    names: &'a AllNames<'a>,
    lists: &'a PluginLists<'a>,
    /// Of routes that do not say otherwise.
    defaults: &'a Defaults,
    /// Of routes that have none of their own.
    middleware: &'a Middleware,
    path: &'a KeyPath<'a>,
}

impl Scope<'_> {
    fn route(&self, raw: &raw::Route, checker: &mut Checker<'_>) -> Option<Route> {
        let listeners = self.listeners(raw.listeners.as_ref(), checker);
        let hosts = each(raw.host.as_ref(), &self.path.key("host"), |host, path| {
            hosts::check(&host.0, path, checker)
        });
        let paths = each(raw.path.as_ref(), &self.path.key("path"), |path, at| {
            paths::check(path, at, checker)
        });
        let methods = self.methods(raw.methods.as_ref(), checker);
        let headers = each(
            raw.headers.as_ref(),
            &self.path.key("headers"),
            |raw, at| conditions::header(raw, at, checker),
        );
        let query = each(raw.query.as_ref(), &self.path.key("query"), |raw, at| {
            conditions::parameter(raw, at, checker)
        });
        let plugins = self.lists.of_route(raw, self.path, checker);
        let action = actions::check(raw, paths.as_deref(), self.names, self.path, checker);
        let answers = matches!(action, Some(Action::Redirect(_) | Action::Respond(_)));
        let changes = changes::check(raw, paths.as_deref(), !answers, self.path, checker);
        let range = &limits::ROUTE_TIMEOUT_RANGE;
        let timeout = checker.duration(raw.timeout.as_ref(), range, &self.path.key("timeout"));
        let retry = raw
            .retry
            .as_ref()
            .and_then(|raw| retries::check(raw, answers, &self.path.key("retry"), checker));
        let idle = raw.idle_timeout.as_ref();
        let idle_timeout = checker.duration(idle, range, &self.path.key("idle_timeout"));
        let middleware = middleware::check(raw.middleware(), self.middleware, self.path, checker);
        let mut route = Route {
            id: raw.id.clone()?,
            listeners: listeners?,
            hosts: hosts?,
            paths: paths.filter(|paths| !paths.is_empty())?,
            methods: methods?,
            headers: headers?,
            query: query?,
            order: raw.order.unwrap_or(0),
            plugins: plugins?,
            action: action?,
            changes: changes?,
            timeout,
            retry,
            idle_timeout,
            middleware,
        };
        self.defaults.fill(raw, &mut route);
        Some(route)
    }

    fn listeners(
        &self,
        raw: Option<&OneOrMany<raw::ListenerName>>,
        checker: &mut Checker<'_>,
    ) -> Option<Vec<usize>> {
        let Some(raw) = raw else {
            return Some((0..self.names.listeners.len()).collect());
        };
        let path = self.path.key("listeners");
        let mut listeners = each(Some(raw), &path, |name, path| {
            self.names.listeners.resolve(&name.0, path, checker)
        })?;
        listeners.sort_unstable();
        listeners.dedup();
        Some(listeners)
    }

    fn methods(
        &self,
        raw: Option<&OneOrMany<raw::MethodName>>,
        checker: &mut Checker<'_>,
    ) -> Option<Vec<Method>> {
        let mut methods = each(raw, &self.path.key("methods"), |method, path| {
            conditions::method(method, path, checker)
        })?;
        methods.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        methods.dedup();
        Some(methods)
    }
}

/// Reads every value of a list; `None` when one of them is wrong, an empty list when there is no list.
fn each<T, U>(
    raw: Option<&OneOrMany<T>>,
    path: &KeyPath<'_>,
    mut read: impl FnMut(&T, &KeyPath<'_>) -> Option<U>,
) -> Option<Vec<U>> {
    let values = raw.into_iter().flat_map(OneOrMany::iter);
    // All are read, also those after a wrong one: each has its own fault.
    let values: Vec<Option<U>> = values
        .map(|(index, value)| read(value, &path.item(index)))
        .collect();
    values.into_iter().collect()
}
