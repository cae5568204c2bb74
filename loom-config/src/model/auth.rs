//! Who a client is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};

use super::Secret;

/// Names and passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasicAuth {
    /// The users, each with the bcrypt hash of the password; never empty.
    pub users: Arc<BTreeMap<String, Secret>>,
    /// What the password is for.
    pub realm: String,
    /// The header that tells the user's name.
    pub user_header: Option<HeaderName>,
    /// Whether the header with the password goes on.
    pub forward_credentials: bool,
}

/// Signed tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Jwt {
    /// The keys; never empty.
    pub keys: Arc<[JwtKey]>,
    /// Who may have issued a token; empty means anybody.
    pub issuers: Vec<String>,
    /// Whom a token may be for; empty means that it is not looked at.
    pub audiences: Vec<String>,
    /// How far clocks may be apart.
    pub leeway: Duration,
    /// Claims that a token has to have beside `exp`.
    pub require: Vec<String>,
    /// Where the token stands.
    pub from: TokenPlace,
    /// Headers, and the claims that they tell.
    pub forward: Vec<(HeaderName, String)>,
    /// Whether the token goes on.
    pub forward_token: bool,
}

/// A key that tokens are verified with.
#[derive(Debug, Clone)]
pub struct JwtKey {
    /// What tokens call it.
    pub id: Option<String>,
    /// The ways to sign that it is used for, all of one family; never empty.
    pub algorithms: Vec<Algorithm>,
    /// The key.
    pub key: DecodingKey,
}

impl PartialEq for JwtKey {
    fn eq(&self, other: &Self) -> bool {
        let same = match (self.key.kind(), other.key.kind()) {
            (DecodingKeyKind::SecretOrDer(one), DecodingKeyKind::SecretOrDer(other)) => {
                one == other
            }
            (
                DecodingKeyKind::RsaModulusExponent { n, e },
                DecodingKeyKind::RsaModulusExponent {
                    n: other_n,
                    e: other_e,
                },
            ) => n == other_n && e == other_e,
            _ => false,
        };
        same && self.key.family() == other.key.family()
            && self.id == other.id
            && self.algorithms == other.algorithms
    }
}

/// Where a token stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPlace {
    /// In `authorization: Bearer`.
    Bearer,
    /// In this header, as it is.
    Header(HeaderName),
    /// In this cookie.
    Cookie(String),
    /// In this parameter of the query.
    Query(String),
}
