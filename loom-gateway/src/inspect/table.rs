//! The routes in the order in which they are asked.

use loom_config::model::{Config, HostMatch, Listener, PathMatch, Route};
use serde_json::{Value, json};

use super::way::{self, Step, Way, listens};
use super::words;
use crate::router::{Asked, Found, Matcher};

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    config: &'a Config,
    pub(crate) rows: Vec<Row<'a>>,
}

/// A host and a path of a route.
#[derive(Debug, Clone)]
pub(crate) struct Row<'a> {
    pub(crate) route: &'a Route,
    /// `None`: whatever the host is.
    pub(crate) host: Option<HostMatch>,
    pub(crate) path: &'a PathMatch,
    /// The places of both among the routes of the table, and the paths of the route.
    pub(super) found: Found,
}

impl<'a> Table<'a> {
    /// All routes. Those of one listener alone stand in the same order.
    pub(crate) fn new(config: &'a Config) -> Self {
        let routes: Vec<_> = config.routes.iter().collect();
        let rows = rows(&Matcher::new(&routes), &routes);
        Self { config, rows }
    }

    /// What a request meets at a listener.
    pub(crate) fn met_at(&self, listener: &Listener) -> Vec<Step> {
        Way::new(self.config, listener, None).listener
    }

    /// As JSON, a row for each host and path.
    pub(crate) fn json(&self) -> Value {
        let listeners = self.config.listeners.iter().map(|listener| {
            json!({
                "name": listener.name,
                "address": listener.address.to_string(),
                "speaks": listens(listener),
                "steps": self.met_at(listener).iter().map(Step::json).collect::<Value>(),
            })
        });
        let rows = self.rows.iter().map(|row| row.json(self.config));
        json!({ "listeners": listeners.collect::<Value>(), "routes": rows.collect::<Value>() })
    }
}

/// What a matcher of these routes asks about.
pub(super) fn rows<'a>(matcher: &Matcher, routes: &[&'a Route]) -> Vec<Row<'a>> {
    let row = |asked: Asked| {
        let route: &'a Route = routes.get(asked.found.route)?;
        Some(Row {
            route,
            host: asked.host,
            path: route.paths.get(asked.found.path)?,
            found: asked.found,
        })
    };
    matcher.asked().into_iter().filter_map(row).collect()
}

impl Row<'_> {
    /// The host as the configuration writes it.
    pub(crate) fn host(&self) -> String {
        words::host(self.host.as_ref())
    }

    /// What else the route asks for.
    pub(crate) fn conditions(&self) -> Vec<String> {
        words::conditions(self.route)
    }

    /// The names of the listeners that it takes requests from.
    pub(crate) fn listeners<'c>(&self, config: &'c Config) -> Vec<&'c str> {
        let names = self.route.listeners.iter();
        names
            .map(|&place| config.listeners[place].name.as_str())
            .collect()
    }

    /// What a request meets on the route.
    pub(crate) fn steps(&self, config: &Config) -> Vec<Step> {
        way::on_route(config, self.route)
    }

    fn json(&self, config: &Config) -> Value {
        let (does, what) = words::action(config, &self.route.action);
        json!({
            "id": self.route.id,
            "listeners": self.listeners(config),
            "host": self.host(),
            "path": self.path.to_string(),
            "conditions": self.conditions(),
            "order": self.route.order,
            "plugins": words::plugins(config, &self.route.plugins),
            "steps": self.steps(config).iter().map(Step::json).collect::<Value>(),
            does: what,
        })
    }
}
