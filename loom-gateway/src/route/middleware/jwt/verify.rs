//! Whether a token is valid.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use loom_config::model;
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// Claims that the library looks at itself.
const REGISTERED: [&str; 5] = ["exp", "nbf", "iss", "aud", "sub"];

/// The keys of one route, and what tokens have to say.
#[derive(Debug)]
pub(super) struct Keys {
    keys: Vec<Key>,
    /// Claims that have to be there and that the library does not look at.
    require: Vec<String>,
}

/// A key, with what tokens that it has signed have to say. All of its algorithms are of the key's own family: a token that names
/// another one is refused before anything of it is believed.
#[derive(Debug)]
struct Key {
    id: Option<String>,
    key: DecodingKey,
    validation: Validation,
}

impl Keys {
    pub(super) fn new(model: &model::Jwt) -> Self {
        let keys = model.keys.iter().map(|key| Key {
            id: key.id.clone(),
            key: key.key.clone(),
            validation: validation(model, &key.algorithms),
        });
        let require = model.require.iter();
        let require = require.filter(|claim| !REGISTERED.contains(&claim.as_str()));
        Self {
            keys: keys.collect(),
            require: require.cloned().collect(),
        }
    }

    /// The claims of a token, if it is valid.
    pub(super) fn verify(&self, token: &str) -> Result<Map<String, Value>, Refusal> {
        // `alg: none` ends here: the library knows no such algorithm.
        let header = decode_header(token)?;
        // It says that what stands there has to be understood (RFC 7515, 4.1.11), and nothing is.
        if header.crit.is_some() {
            return Err(Refusal::Invalid("the token asks for an extension"));
        }
        let mut refusal = Refusal::Invalid("no key is for this token");
        for key in self.keys.iter().filter(|key| key.is_for(&header)) {
            match decode::<Map<String, Value>>(token, &key.key, &key.validation) {
                Ok(decoded) => return self.complete(decoded.claims),
                // Without ids, another key may be the one.
                Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {
                    refusal = error.into();
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(refusal)
    }

    fn complete(&self, claims: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
        let has = |claim: &String| claims.get(claim).is_some_and(|value| !value.is_null());
        if self.require.iter().all(has) {
            Ok(claims)
        } else {
            Err(Refusal::Invalid("a claim is missing"))
        }
    }
}

impl Key {
    fn is_for(&self, header: &Header) -> bool {
        let named = match (&self.id, &header.kid) {
            (Some(id), Some(named)) => id == named,
            _ => true,
        };
        named && self.validation.algorithms.contains(&header.alg)
    }
}

fn validation(model: &model::Jwt, algorithms: &[Algorithm]) -> Validation {
    let mut validation = Validation::new(algorithms.first().copied().unwrap_or_default());
    validation.algorithms = algorithms.to_vec();
    validation.leeway = model.leeway.as_secs();
    validation.validate_nbf = true;
    let mut required = vec!["exp"];
    // What is not there is not compared.
    if !model.issuers.is_empty() {
        validation.set_issuer(&model.issuers);
        required.push("iss");
    }
    validation.validate_aud = !model.audiences.is_empty();
    if validation.validate_aud {
        validation.set_audience(&model.audiences);
        required.push("aud");
    }
    let known = model.require.iter().map(String::as_str);
    required.extend(known.filter(|claim| REGISTERED.contains(claim)));
    validation.set_required_spec_claims(&required);
    validation
}
