//! `basic_auth`: names and passwords (RFC 7617), the passwords checked off the worker threads.

mod credentials;
mod known;
mod verify;

use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{Request, Response};
use loom_config::model;
use loom_layer::UserInfo;
use tower_http::auth::AsyncAuthorizeRequest;

use super::identity;
use crate::errors::Failure;
use credentials::Credentials;
use verify::{Verdict, Verifier};

/// The users, and what is known of them. Routes with the same configuration share it.
#[derive(Debug)]
pub(super) struct BasicAuth {
    model: model::BasicAuth,
    verifier: Verifier,
    challenge: HeaderValue,
}

impl BasicAuth {
    /// `None` when the realm cannot stand in a header, which the configuration has refused.
    pub(super) fn new(model: &model::BasicAuth) -> Option<Self> {
        let challenge = format!("Basic realm=\"{}\", charset=\"UTF-8\"", model.realm);
        Some(Self {
            verifier: Verifier::new(Arc::clone(&model.users)),
            challenge: HeaderValue::try_from(challenge).ok()?,
            model: model.clone(),
        })
    }

    /// What it was made of.
    pub(super) fn model(&self) -> &model::BasicAuth {
        &self.model
    }

    /// The answer to a request that does not pass.
    async fn refuse(&self, request: &mut Request<Body>) -> Option<Response<Body>> {
        let Some(credentials) = Credentials::of(request.headers()) else {
            return Some(self.challenge(Failure::CredentialsMissing, request));
        };
        let user = credentials.user.clone();
        match self.verifier.verify(credentials).await {
            Verdict::Right => {}
            Verdict::Wrong => return Some(self.challenge(Failure::CredentialsWrong, request)),
            Verdict::Busy => {
                let path = request.uri().path();
                return Some(Failure::AuthOverloaded.respond(path, None));
            }
        }
        let headers = request.headers_mut();
        if !self.model.forward_credentials {
            headers.remove(AUTHORIZATION);
        }
        if let Some(name) = &self.model.user_header {
            identity::forget(headers, name);
            if let Ok(value) = HeaderValue::from_bytes(user.as_bytes()) {
                headers.insert(name, value);
            }
        }
        request.extensions_mut().insert(UserInfo::new(&user));
        None
    }

    fn challenge(&self, failure: Failure, request: &Request<Body>) -> Response<Body> {
        let mut response = failure.respond(request.uri().path(), None);
        let headers = response.headers_mut();
        headers.insert(WWW_AUTHENTICATE, self.challenge.clone());
        response
    }
}

/// The check as tower-http's layer takes it.
#[derive(Debug, Clone)]
pub(super) struct Authorize(pub(super) Arc<BasicAuth>);

impl AsyncAuthorizeRequest<Body> for Authorize {
    type RequestBody = Body;
    type ResponseBody = Body;
    type Future = Pin<Box<dyn Future<Output = Result<Request<Body>, Response<Body>>> + Send>>;

    fn authorize(&mut self, mut request: Request<Body>) -> Self::Future {
        let auth = Arc::clone(&self.0);
        Box::pin(async move {
            match auth.refuse(&mut request).await {
                None => Ok(request),
                Some(response) => Err(response),
            }
        })
    }
}
