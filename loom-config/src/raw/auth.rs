//! Who a client is: `basic_auth` and `jwt` of routes and of `defaults`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, OneOrMany};

/// Names and passwords, as browsers ask for them (RFC 7617).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BasicAuth {
    /// The users, each with the bcrypt hash of the password. Default: those of `users_file`.
    #[schemars(extend("examples" = [{"alice": "$2y$12$L6Bc/AlTQHyd9liGgGEZyOFLPHNgyxeEPfgYfBCVxJ7JIlwxyVU3u"}]))]
    pub(crate) users: Option<BTreeMap<String, String>>,
    /// A file with more of them: a line `name:hash` for each, as `htpasswd -B` writes it. Relative to this file. Default: none.
    #[schemars(title = "a file", extend("examples" = ["users"]))]
    pub(crate) users_file: Option<String>,
    /// What the password is for, in words that browsers show. Default: restricted.
    #[schemars(extend("default" = "restricted", "examples" = ["staging"]))]
    pub(crate) realm: Option<String>,
    /// A header that tells plugins and the upstream the user's name; a client's own is removed. Default: none.
    #[schemars(title = "the name of a header", extend("examples" = ["x-user"]))]
    pub(crate) user_header: Option<String>,
    /// Whether plugins and the upstream get the header with the password, too. Default: false.
    #[schemars(extend("default" = false))]
    pub(crate) forward_credentials: Option<bool>,
}

/// Signed tokens (JWT, RFC 7519). The keys are in one of `jwks_file`, `key_file` and `secret`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jwt {
    /// A file with public keys: a JSON Web Key Set (RFC 7517). Relative to this file. Default: one of the three is needed.
    #[schemars(title = "a file", extend("examples" = ["keys.json"]))]
    pub(crate) jwks_file: Option<String>,
    /// A file with one public key in PEM: RSA, EC (P-256, P-384) or Ed25519. Relative to this file. Default: one of the three is needed.
    #[schemars(title = "a file", extend("examples" = ["issuer.pem"]))]
    pub(crate) key_file: Option<String>,
    /// A secret that the issuer shares, of 32 bytes or more. Best from `${file:...}` or a variable. Default: one of the three is needed.
    #[schemars(extend("examples" = ["${file:/run/secrets/jwt}"]))]
    pub(crate) secret: Option<String>,
    /// Who may have issued a token: one of these stands in its `iss`. Default: anybody with the key.
    #[schemars(extend("examples" = ["https://login.example.com"]))]
    pub(crate) issuer: Option<OneOrMany<String>>,
    /// Whom a token is for: one of these stands in its `aud`. Default: it is not looked at.
    #[schemars(extend("examples" = ["api"]))]
    pub(crate) audience: Option<OneOrMany<String>>,
    /// How tokens are signed. Default: all ways that fit the keys.
    pub(crate) algorithms: Option<OneOrMany<JwtAlgorithm>>,
    /// How far clocks may be apart, from 0s to 1h, in whole seconds. Default: 60s.
    #[schemars(extend("default" = "60s", "examples" = ["5s"]))]
    pub(crate) leeway: Option<DurationText>,
    /// Claims that a token has to have beside `exp`. Default: none.
    #[schemars(extend("examples" = [["sub"]]))]
    pub(crate) require: Option<OneOrMany<String>>,
    /// Where the token stands. Default: in `authorization: Bearer`.
    pub(crate) from: Option<TokenPlace>,
    /// Headers that tell plugins and the upstream claims of the token; a client's own are removed. Default: none.
    #[schemars(extend("examples" = [{"x-user": "sub"}]))]
    pub(crate) forward: Option<BTreeMap<String, String>>,
    /// Whether plugins and the upstream get the token itself, too. Default: true.
    #[schemars(extend("default" = true))]
    pub(crate) forward_token: Option<bool>,
}

/// How a token is signed (RFC 7518, RFC 8037).
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[allow(clippy::upper_case_acronyms, reason = "the names of the standard")]
pub(crate) enum JwtAlgorithm {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// RSA (PKCS #1 v1.5) with SHA-256.
    RS256,
    /// RSA (PKCS #1 v1.5) with SHA-384.
    RS384,
    /// RSA (PKCS #1 v1.5) with SHA-512.
    RS512,
    /// RSA (PSS) with SHA-256.
    PS256,
    /// RSA (PSS) with SHA-384.
    PS384,
    /// RSA (PSS) with SHA-512.
    PS512,
    /// ECDSA over P-256 with SHA-256.
    ES256,
    /// ECDSA over P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

/// Where a token stands: one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenPlace {
    /// This header, as it is. Default: `authorization`, behind `Bearer`.
    #[schemars(title = "the name of a header", extend("examples" = ["x-token"]))]
    pub(crate) header: Option<String>,
    /// This cookie. Default: none.
    #[schemars(title = "the name of a cookie", extend("examples" = ["session"]))]
    pub(crate) cookie: Option<String>,
    /// This parameter of the query. Addresses end up in logs, and tokens with them. Default: none.
    #[schemars(title = "the name of a parameter", extend("examples" = ["access_token"]))]
    pub(crate) query: Option<String>,
}
