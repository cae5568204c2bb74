//! The stack around a route's plugins.

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use tower::util::{MapRequestLayer, MapResponseLayer};
use tower::{Layer, Service, ServiceBuilder};
use tower_http::auth::AsyncRequireAuthorizationLayer;
use tower_http::validate_request::ValidateRequestHeaderLayer;

use super::basic_auth::Authorize;
use super::body_limit::BodyLimitLayer;
use super::bypass::BypassLayer;
use super::gate::Gate;
use super::{Middleware, compression, cors};
use crate::stack::Stack;

/// Puts what a route has around a service.
#[derive(Debug, Clone)]
pub(in crate::route) struct MiddlewareLayer(Middleware);

impl MiddlewareLayer {
    pub(in crate::route) fn new(middleware: Middleware) -> Self {
        Self(middleware)
    }
}

impl<S> Layer<S> for MiddlewareLayer
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    /// In a box: routes that have none of this shall have no room for it in their futures.
    type Service = Stack;

    fn layer(&self, inner: S) -> Self::Service {
        let has = &self.0;
        let compression = has.compression.as_ref().map(|model| {
            let around = (
                MapResponseLayer::new(compression::after),
                compression::layer(model),
                MapResponseLayer::new(compression::before),
            );
            BypassLayer::new(around, compression::is_for)
        });
        let cors = has.cors.as_ref().map(|model| {
            (
                MapRequestLayer::new(cors::hide),
                cors::layer(model),
                MapRequestLayer::new(cors::show),
                MapResponseLayer::new(cors::forget),
            )
        });
        let networks = Gate::new(has.networks.as_ref());
        let rate_limit = Gate::new(has.rate_limit.as_ref());
        let basic_auth = has.basic_auth.clone().map(Authorize);
        let jwt = Gate::new(has.jwt.as_ref());
        let stack = ServiceBuilder::new()
            // Around everything: also what is answered in here is for the client to read.
            .option_layer(compression)
            // Who may not come at all costs nothing further.
            .layer(ValidateRequestHeaderLayer::custom(networks))
            // A page has to be able to read why it was refused; and what a browser asks before a request is no request.
            .option_layer(cors)
            // Before all that is work: guessing passwords counts.
            .layer(ValidateRequestHeaderLayer::custom(rate_limit))
            // Cheap for who is known, and off this thread for who is not.
            .option_layer(basic_auth.map(AsyncRequireAuthorizationLayer::new))
            .layer(ValidateRequestHeaderLayer::custom(jwt))
            // Just around the plugins: nobody who is refused anyway is told about a size.
            .option_layer(has.max_body.map(BodyLimitLayer::new))
            .service(inner);
        Stack::new(stack)
    }
}
