//! The way of one request.

use axum::body::Body;
use futures_util::FutureExt;
use http::header::HOST;
use http::{Request, Response};
use loom_config::model::{Config, Listener, PathMatch, Route};
use loom_layer::{ConnectionInfo, PathParameters, TlsInfo};
use serde_json::{Map, Value, json};
use tower::{Layer, ServiceExt, service_fn};

use super::reason::{Reason, row_fits};
use super::table::{Row, rows};
use super::way::Way;
use super::words;
use crate::errors::Cause;
use crate::route::Preview;
use crate::router::{self, Matcher, parameters_of};

/// What happens to a request that comes to a listener, and why.
#[derive(Debug)]
pub(crate) struct Decision<'a> {
    config: &'a Config,
    pub(crate) listener: &'a Listener,
    pub(crate) outcome: Outcome<'a>,
    /// The other routes of the listener, in the order in which they are asked.
    pub(crate) others: Vec<(&'a Route, Reason)>,
}

/// What happens to it.
#[derive(Debug)]
pub(crate) enum Outcome<'a> {
    /// It is refused before any route is asked.
    Refused(Box<Response<Body>>),
    /// No route takes it, in this form.
    NoRoute(Box<Request<()>>),
    /// A route takes it.
    Taken(Box<Taken<'a>>),
}

/// A request that a route takes.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    /// The route, and the host and path that it takes the request by.
    pub(crate) row: Row<'a>,
    /// As the route and its plugins see it.
    pub(crate) request: Request<()>,
    /// What the route does with it if its plugins change nothing.
    pub(crate) preview: Preview,
}

impl<'a> Decision<'a> {
    /// What becomes of `request` at the listener of this place in the configuration.
    pub(crate) fn new(config: &'a Config, place: usize, request: Request<()>) -> Self {
        let listener = &config.listeners[place];
        let of_listener = |route: &&Route| route.listeners.contains(&place);
        let routes: Vec<&Route> = config.routes.iter().filter(of_listener).collect();
        let (outcome, others) = match admitted(listener, request) {
            Err(response) => (Outcome::Refused(response), Vec::new()),
            Ok(request) => decide(&routes, request),
        };
        Self {
            config,
            listener,
            outcome,
            others,
        }
    }

    /// Whether a route takes the request.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(self.outcome, Outcome::Taken(_))
    }

    /// What the request meets.
    pub(crate) fn way(&self) -> Way {
        match &self.outcome {
            Outcome::Refused(_) => Way::refused(self.listener),
            Outcome::NoRoute(_) => Way::new(self.config, self.listener, None),
            Outcome::Taken(taken) => Way::new(self.config, self.listener, Some(taken.row.route)),
        }
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Value {
        let mut json = Map::new();
        let mut put = |key: &str, value: Value| _ = json.insert(key.to_owned(), value);
        put("listener", json!(self.listener.name));
        put("scheme", json!(scheme(self.listener)));
        put("way", self.way().json());
        put("matched", json!(self.is_taken()));
        match &self.outcome {
            Outcome::Refused(response) => put("answered", answered(response)),
            Outcome::NoRoute(request) => put("request", shown(request)),
            Outcome::Taken(taken) => {
                let Taken {
                    row,
                    request,
                    preview,
                } = &**taken;
                let (does, what) = words::action(self.config, &row.route.action);
                put("request", shown(request));
                put("route", json!(row.route.id));
                put("host", json!(row.host()));
                put("path", json!(row.path.to_string()));
                put("conditions", json!(row.conditions()));
                put("plugins", words::plugins(self.config, &row.route.plugins));
                put(does, what);
                match preview {
                    Preview::Sent(request) => put("sent", shown(request)),
                    Preview::Answered(response) => put("answered", answered(response)),
                }
            }
        }
        let others = self.others.iter().map(|(route, reason)| {
            json!({"route": route.id, "reason": reason.code(), "because": reason.to_string()})
        });
        put("others", others.collect());
        Value::Object(json)
    }
}

fn decide<'a>(
    routes: &[&'a Route],
    request: Request<()>,
) -> (Outcome<'a>, Vec<(&'a Route, Reason)>) {
    let matcher = Matcher::new(routes);
    let rows = rows(&matcher, routes);
    let found = matcher.find(request.method(), request.uri(), request.headers());
    let first_fit = |route: usize| {
        let mut of_route = rows.iter().filter(|row| row.found.route == route);
        of_route.find(|row| row_fits(row, &request))
    };
    let taken = found.and_then(|found| first_fit(found.route));
    let mut others = Vec::new();
    let mut seen = vec![false; routes.len()];
    for row in &rows {
        let place = row.found.route;
        let is_taken = taken.is_some_and(|taken| taken.found.route == place);
        if std::mem::replace(&mut seen[place], true) || is_taken {
            continue;
        }
        let reason = Reason::of(row.route, &request).or_else(|| {
            let (taken, fit) = (taken?, first_fit(place)?);
            Some(Reason::later(taken, fit))
        });
        others.extend(reason.map(|reason| (row.route, reason)));
    }
    let Some(row) = taken.cloned() else {
        return (Outcome::NoRoute(Box::new(request)), others);
    };
    let mut sent = request.clone();
    if let Some(parameters) = parameters(row.path, &request) {
        sent.extensions_mut().insert(parameters);
    }
    let preview = Preview::of(row.route, sent);
    let taken = Taken {
        row,
        request,
        preview,
    };
    (Outcome::Taken(Box::new(taken)), others)
}

fn parameters(path: &PathMatch, request: &Request<()>) -> Option<PathParameters> {
    parameters_of(path, request.uri().path())
}

/// The request behind the border, as routes are asked about it, or the answer that it gets there.
fn admitted(
    listener: &Listener,
    mut request: Request<()>,
) -> Result<Request<()>, Box<Response<Body>>> {
    if let Some(local) = listener.address.ip() {
        let peer = ([127, 0, 0, 1], 0).into();
        let mut info = ConnectionInfo::new(peer, local);
        if listener.tls.is_some() {
            info = info.with_tls(TlsInfo::new("TLSv1.3"));
        }
        request.extensions_mut().insert(info);
    }
    let behind = service_fn(|request: Request<()>| {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(request);
        std::future::ready(Ok::<_, std::convert::Infallible>(response))
    });
    let answer = router::border(listener).layer(behind).oneshot(request);
    let Some(Ok(mut response)) = answer.now_or_never() else {
        // Nothing of it waits.
        return Err(Box::default());
    };
    response
        .extensions_mut()
        .remove::<Request<()>>()
        .ok_or_else(|| Box::new(response))
}

/// The scheme of its requests.
fn scheme(listener: &Listener) -> &'static str {
    if listener.tls.is_some() {
        "https"
    } else {
        "http"
    }
}

fn shown(request: &Request<()>) -> Value {
    json!({
        "method": request.method().as_str(),
        "target": target(request),
        "host": host(request),
    })
}

fn answered(response: &Response<Body>) -> Value {
    json!({
        "status": response.status().as_u16(),
        "code": Cause::of(response).map(Cause::code),
        "location": location(response),
    })
}

/// Path and query.
pub(crate) fn target(request: &Request<()>) -> &str {
    let target = request.uri().path_and_query();
    target.map_or("/", http::uri::PathAndQuery::as_str)
}

/// The host that it names.
pub(crate) fn host(request: &Request<()>) -> Option<&str> {
    request.headers().get(HOST)?.to_str().ok()
}

/// Where a redirect leads.
pub(crate) fn location(response: &Response<Body>) -> Option<&str> {
    let location = response.headers().get(http::header::LOCATION)?;
    location.to_str().ok()
}
