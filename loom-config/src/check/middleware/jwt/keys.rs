//! The keys that tokens are verified with, and the ways to sign that each is for.
//!
//! A key is only ever used for algorithms of its own kind. So nobody can sign with a public key as if it were a secret.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};

use super::Checker;
use crate::limits;
use crate::model::JwtKey;
use crate::raw;
use crate::tree::KeyPath;

const SOURCES: [&str; 3] = ["jwks_file", "key_file", "secret"];

/// Reads them. `wanted` are the algorithms that the file allows, when it says so.
pub(super) fn check(
    raw: &raw::Jwt,
    wanted: Option<&[Algorithm]>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Vec<JwtKey>> {
    let (key, found) = match (&raw.jwks_file, &raw.key_file, &raw.secret) {
        (Some(file), None, None) => {
            let at = path.key("jwks_file");
            let text = checker.file(file, &at)?;
            (at, key_set(&text))
        }
        (None, Some(file), None) => {
            let at = path.key("key_file");
            let text = checker.file(file, &at)?;
            (at, pem(&text).map(|key| vec![key]))
        }
        (None, None, Some(secret)) => (path.key("secret"), shared(secret).map(|key| vec![key])),
        (None, None, None) if !checker.is_empty_of(path, &SOURCES) => return None,
        _ => {
            let message = "expected one of `jwks_file`, `key_file` and `secret`";
            checker.fault(path, message);
            return None;
        }
    };
    let mut keys = match found {
        Ok(keys) => keys,
        Err(Problem(message, hint)) => {
            let fault = checker.fault(&key, message);
            if let Some(hint) = hint {
                fault.with_hint(hint);
            }
            return None;
        }
    };
    if let Some(wanted) = wanted {
        for key in &mut keys {
            key.algorithms.retain(|one| wanted.contains(one));
        }
        keys.retain(|key| !key.algorithms.is_empty());
        if keys.is_empty() {
            let message = "no key is for any of these algorithms";
            checker.fault(&path.key("algorithms"), message);
            return None;
        }
    }
    Some(keys)
}

/// What is wrong with a key, and what to do.
struct Problem(&'static str, Option<&'static str>);

fn key_set(text: &str) -> Result<Vec<JwtKey>, Problem> {
    let Ok(set) = serde_json::from_str::<JwkSet>(text) else {
        return Err(Problem(
            "the file is not a JSON Web Key Set",
            Some(
                "it looks like {\"keys\": [{\"kty\": \"RSA\", \"kid\": \"1\", \"n\": \"...\", \"e\": \"AQAB\"}]}",
            ),
        ));
    };
    if set.keys.len() > limits::JWT_KEYS {
        return Err(Problem("the file has more than 100 keys", None));
    }
    let mut keys = Vec::new();
    for jwk in &set.keys {
        // What is for something else, or of a kind that nobody here knows, may stand there too (RFC 7517, 5).
        let signs = matches!(
            jwk.common.public_key_use,
            None | Some(PublicKeyUse::Signature)
        );
        if let Some(key) = signs.then(|| of_set(jwk)).flatten() {
            if is_weak(&key) {
                return Err(WEAK);
            }
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return Err(Problem(
            "the file has no key that a token could be signed with: expected RSA, EC with P-256 or P-384, Ed25519, or oct",
            None,
        ));
    }
    Ok(keys)
}

fn of_set(jwk: &Jwk) -> Option<JwtKey> {
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let mut algorithms = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(ec) => of_curve(&ec.curve)?,
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            vec![Algorithm::EdDSA]
        }
        AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa.algorithms().to_vec(),
        AlgorithmParameters::OctetKey(_) => of_secret(&key),
        _ => return None,
    };
    if let Some(only) = jwk.common.key_algorithm {
        let only = Algorithm::try_from(only).ok()?;
        algorithms.retain(|one| *one == only);
    }
    (!algorithms.is_empty()).then(|| JwtKey {
        id: jwk.common.key_id.clone(),
        algorithms,
        key,
    })
}

fn of_curve(curve: &EllipticCurve) -> Option<Vec<Algorithm>> {
    match curve {
        EllipticCurve::P256 => Some(vec![Algorithm::ES256]),
        EllipticCurve::P384 => Some(vec![Algorithm::ES384]),
        _ => None,
    }
}

fn pem(text: &str) -> Result<JwtKey, Problem> {
    if text.contains("PRIVATE KEY") {
        return Err(Problem(
            "the file has a private key, which only the issuer should have; expected the public one",
            Some("`openssl pkey -in private.pem -pubout` shows it"),
        ));
    }
    let bytes = text.as_bytes();
    let rsa = || {
        let key = DecodingKey::from_rsa_pem(bytes).ok()?;
        Some((key, AlgorithmFamily::Rsa.algorithms().to_vec()))
    };
    let ec = || {
        let key = DecodingKey::from_ec_pem(bytes).ok()?;
        // An uncompressed point: a byte, and two numbers of the curve's size.
        let curve = match key.try_get_as_bytes().ok()?.len() {
            65 => EllipticCurve::P256,
            97 => EllipticCurve::P384,
            _ => return None,
        };
        Some((key, of_curve(&curve)?))
    };
    let ed = || {
        let key = DecodingKey::from_ed_pem(bytes).ok()?;
        Some((key, vec![Algorithm::EdDSA]))
    };
    let Some((key, algorithms)) = rsa().or_else(ec).or_else(ed) else {
        return Err(Problem(
            "the file is not a public key in PEM: expected RSA, EC with P-256 or P-384, or Ed25519",
            Some("it begins with -----BEGIN PUBLIC KEY-----"),
        ));
    };
    let key = JwtKey {
        id: None,
        algorithms,
        key,
    };
    if is_weak(&key) { Err(WEAK) } else { Ok(key) }
}

fn shared(secret: &str) -> Result<JwtKey, Problem> {
    if secret.contains("-----BEGIN") {
        return Err(Problem(
            "this is a key in PEM and no secret: everybody who has the public key could sign with it",
            Some("name the file in `key_file`"),
        ));
    }
    let key = DecodingKey::from_secret(secret.as_bytes());
    if is_weak_secret(&key) {
        return Err(WEAK);
    }
    Ok(JwtKey {
        id: None,
        algorithms: of_secret(&key),
        key,
    })
}

const WEAK: Problem = Problem(
    "the key is too short: expected 32 bytes or more of a secret, 2048 bits or more of RSA",
    Some("`openssl rand -hex 32` makes a secret"),
);

/// The algorithms that a secret is long enough for (RFC 7518, 3.2).
fn of_secret(key: &DecodingKey) -> Vec<Algorithm> {
    let bytes = key.try_get_as_bytes().map_or(0, <[u8]>::len);
    let all = [
        (32, Algorithm::HS256),
        (48, Algorithm::HS384),
        (64, Algorithm::HS512),
    ];
    let fitting = all.into_iter().filter(|(least, _)| bytes >= *least);
    fitting.map(|(_, algorithm)| algorithm).collect()
}

fn is_weak_secret(key: &DecodingKey) -> bool {
    of_secret(key).is_empty()
}

fn is_weak(key: &JwtKey) -> bool {
    match key.key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, .. } => n.len() < 256,
        // The modulus, and a little around it.
        DecodingKeyKind::SecretOrDer(der) => {
            key.key.family() == AlgorithmFamily::Rsa && der.len() < 256
        }
    }
}
