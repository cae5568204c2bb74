//! `jwt`: signed tokens (RFC 7519), verified by jsonwebtoken; refused as RFC 6750 says.

mod refusal;
mod token;
mod verify;

use axum::body::Body;
use http::header::HeaderValue;
use http::{Request, Response};
use loom_config::model;
use loom_layer::UserInfo;
use serde_json::{Map, Value};

use super::gate::Check;
use super::identity;
use refusal::Refusal;
use verify::Keys;

/// What tokens of one route have to be.
#[derive(Debug)]
pub(super) struct Jwt {
    model: model::Jwt,
    keys: Keys,
}

impl Jwt {
    pub(super) fn new(model: &model::Jwt) -> Self {
        Self {
            keys: Keys::new(model),
            model: model.clone(),
        }
    }

    /// Lets a request with a valid token pass, with what the token says in the place of what the client says.
    fn admit(&self, request: &mut Request<Body>) -> Result<(), Refusal> {
        let token = token::find(&self.model.from, request)?;
        let claims = self.keys.verify(&token)?;
        let headers = request.headers_mut();
        for (name, _) in &self.model.forward {
            identity::forget(headers, name);
        }
        for (name, claim) in &self.model.forward {
            if let Some(value) = claims.get(claim).filter(|value| !value.is_null()) {
                let value = HeaderValue::from_bytes(text(value).as_bytes());
                headers.insert(
                    name,
                    value.map_err(|_| Refusal::Invalid("a claim is no text"))?,
                );
            }
        }
        if !self.model.forward_token {
            token::take_out(&self.model.from, request)?;
        }
        request.extensions_mut().insert(user(&claims));
        Ok(())
    }
}

impl Check for Jwt {
    fn refuse(&self, request: &mut Request<Body>) -> Option<Response<Body>> {
        let refusal = self.admit(request).err()?;
        Some(refusal.response(request.uri().path()))
    }
}

/// A claim as text: text as it is, anything else as JSON.
fn text(claim: &Value) -> String {
    match claim {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What plugins read of it.
fn user(claims: &Map<String, Value>) -> UserInfo {
    let name = claims.get("sub").and_then(Value::as_str);
    let claims = claims
        .iter()
        .map(|(name, value)| (name.as_str(), text(value)));
    UserInfo::new(name.unwrap_or_default()).with_claims(claims)
}
