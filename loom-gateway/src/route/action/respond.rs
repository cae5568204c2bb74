//! A response of the configuration.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use loom_config::model::Respond;

use crate::grpc::for_client;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Reply {
    pub(super) fn new(respond: &Respond) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in &respond.headers {
            headers.append(name, value.clone());
        }
        Self {
            status: respond.status,
            headers,
            body: Bytes::from(respond.body.clone()),
        }
    }

    pub(super) fn answer<B>(&self, request: &Request<B>) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        for_client(request, response, &self.body)
    }
}
