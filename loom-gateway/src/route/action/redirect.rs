//! Another address for a request.

use std::borrow::Cow;

use axum::body::Body;
use http::header::{HeaderValue, LOCATION};
use http::{Request, Response};
use loom_config::model;
use loom_layer::{ConnectionInfo, PathParameters};

use crate::errors::Failure;
use crate::route::changes::render;
use crate::router;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Redirect {
    to: model::Redirect,
}

impl Redirect {
    pub(super) fn new(to: &model::Redirect) -> Self {
        Self { to: to.clone() }
    }

    pub(super) fn answer<B>(&self, request: &Request<B>) -> Response<Body> {
        let Ok(location) = HeaderValue::try_from(self.location(request)) else {
            return Failure::InvalidTarget.respond(request.uri().path(), None);
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.to.status;
        response.headers_mut().insert(LOCATION, location);
        response
    }

    fn location<B>(&self, request: &Request<B>) -> String {
        let model::Redirect { path, query, .. } = &self.to;
        let parameters = request.extensions().get::<PathParameters>();
        let get = |name: &str| parameters.and_then(|known| known.get(name));
        let mut location = self.origin(request);
        let path = path.as_ref().map(|path| Cow::Owned(render(path, get)));
        let path = path.unwrap_or_else(|| request.uri().path().into());
        // Two slashes at the beginning would name a host, and the client may have chosen what stands behind them. Browsers
        // read a backslash, which a plugin may have written, as a slash.
        location.push('/');
        location.push_str(path.trim_start_matches(['/', '\\']));
        let query = match query {
            Some(query) => Some(render(query, get)),
            None => request.uri().query().map(str::to_owned),
        };
        if let Some(query) = query {
            location.push('?');
            location.push_str(&query);
        }
        location
    }

    /// Scheme and host; empty when both stay as they are.
    fn origin<B>(&self, request: &Request<B>) -> String {
        let model::Redirect { scheme, host, .. } = &self.to;
        if scheme.is_none() && host.is_none() {
            return String::new();
        }
        let connection = request.extensions().get::<ConnectionInfo>();
        let own = connection.map_or("http", ConnectionInfo::scheme);
        let named = router::authority(request.uri(), request.headers()).unwrap_or_default();
        let host = match host {
            Some(host) => host.as_str(),
            // The port was that of the other scheme.
            None => without_port(named),
        };
        format!("{}://{host}", scheme.as_deref().unwrap_or(own))
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}
