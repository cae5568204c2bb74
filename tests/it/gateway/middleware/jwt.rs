//! `jwt`.

use std::fs;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use loom_gateway::{Gateway, Running};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

use super::super::support::{address, parse, start};
use super::{echo, everywhere, exchange, header, status};
use crate::gateway::keys::shows;

shows! {
    ["routes[].jwt", "defaults.jwt"]: "secret" or "another secret that is long enough too", "issuer", "audience", "require"
        => only_valid_tokens_pass;
    ["routes[].jwt", "defaults.jwt"]: "leeway" => clocks_are_as_far_apart_as_the_file_says;
    ["routes[].jwt", "defaults.jwt"]: "key_file" or "other.pem", "algorithms" => a_public_key_is_no_secret;
    ["routes[].jwt", "defaults.jwt"]: "jwks_file" or "other.json" => a_key_of_a_set_is_told_by_its_id;
    ["routes[].jwt", "defaults.jwt"]: "forward" => the_upstream_reads_what_the_token_says_and_nothing_else;
    ["routes[].jwt", "defaults.jwt"]: "forward_token" => a_token_stands_where_the_file_says;
    ["routes[].jwt.from", "defaults.jwt.from"]: "header" or "other", "cookie" or "other", "query" or "other"
        => a_token_stands_where_the_file_says;
}

const SECRET: &str = "a secret of at least 32 bytes is long enough";

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("later than 1970").as_secs()
}

fn secret() -> EncodingKey {
    EncodingKey::from_secret(SECRET.as_bytes())
}

/// Claims that are valid, with these in their place.
fn claims(other: &Value) -> Value {
    let mut claims = json!({
        "iss": "https://issuer.example", "aud": ["shop", "blog"], "sub": "al", "exp": now() + 600,
        "role": "admin", "age": 42, "groups": ["a", "b"],
    });
    let known = claims.as_object_mut().expect("a mapping");
    for (name, value) in other.as_object().expect("a mapping") {
        known.insert(name.clone(), value.clone());
    }
    claims
}

fn token(other: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), &claims(other), &secret()).expect("a token")
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// What wants a token of the issuer.
fn keys(more: &str) -> String {
    format!(
        "jwt: {{secret: '{SECRET}', issuer: https://issuer.example, audience: [shop, other], require: [sub, role], {more}}}"
    )
}

/// A gateway that wants such a token.
async fn gateway(more: &str) -> Running {
    start(&echo(&keys(more), "")).await
}

/// What comes of a request, and why.
async fn outcome(address: SocketAddr, headers: &str) -> (String, String, String) {
    let response = exchange(address, "GET /", headers).await;
    let text = |name| header(&response, name).unwrap_or_default().to_owned();
    (
        status(&response).to_owned(),
        text("x-loom-error"),
        text("www-authenticate"),
    )
}

#[tokio::test]
async fn only_valid_tokens_pass() {
    for (keys, defaults) in everywhere(&keys("")) {
        let gateway = start(&echo(keys, defaults)).await;
        only_valid_tokens(address(&gateway)).await;
    }
}

async fn only_valid_tokens(address: SocketAddr) {
    let valid = outcome(address, &bearer(&token(&json!({})))).await;
    assert_eq!(valid, ("200".into(), String::new(), String::new()));
    let missing = outcome(address, "").await;
    let wanted = ("401".into(), "token_missing".into(), "Bearer".into());
    assert_eq!(missing, wanted);
    for (other, code, why) in [
        (
            json!({"exp": now() - 120}),
            "token_expired",
            "the token has expired",
        ),
        (
            json!({"nbf": now() + 120}),
            "token_invalid",
            "the token is not valid yet",
        ),
        (
            json!({"iss": "https://other.example"}),
            "token_invalid",
            "the issuer is another one",
        ),
        (json!({"iss": null}), "token_invalid", "a claim is missing"),
        (
            json!({"aud": "blog"}),
            "token_invalid",
            "the token is for somebody else",
        ),
        (json!({"aud": null}), "token_invalid", "a claim is missing"),
        (json!({"sub": null}), "token_invalid", "a claim is missing"),
        (json!({"role": null}), "token_invalid", "a claim is missing"),
        (json!({"exp": null}), "token_invalid", "a claim is missing"),
    ] {
        let (status, error, challenge) = outcome(address, &bearer(&token(&other))).await;
        assert_eq!((&*status, &*error), ("401", code), "{other}");
        let wanted = format!("Bearer error=\"invalid_token\", error_description=\"{why}\"");
        assert_eq!(challenge, wanted, "{other}");
    }
    // Clocks may be a little apart.
    let late = token(&json!({"exp": now() - 10}));
    assert_eq!(outcome(address, &bearer(&late)).await.0, "200");
    let two = format!("{}{}", bearer(&late), bearer(&late));
    let (status, error, challenge) = outcome(address, &two).await;
    assert_eq!((&*status, &*error), ("400", "token_ambiguous"));
    assert!(challenge.contains("invalid_request"), "{challenge}");
}

#[tokio::test]
async fn clocks_are_as_far_apart_as_the_file_says() {
    for (keys, defaults) in everywhere(&keys("leeway: 10m")) {
        let gateway = start(&echo(keys, defaults)).await;
        for (ago, wanted) in [(500, "200"), (700, "401")] {
            let late = token(&json!({"exp": now() - ago}));
            let (status, ..) = outcome(address(&gateway), &bearer(&late)).await;
            assert_eq!(status, wanted, "{ago}");
        }
    }
}

#[tokio::test]
async fn a_token_that_nobody_signed_is_refused() {
    let gateway = gateway("").await;
    let address = address(&gateway);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let payload = part(&claims(&json!({})));
    let other = EncodingKey::from_secret(b"another secret that is long enough too");
    let forged = encode(&Header::new(Algorithm::HS256), &claims(&json!({})), &other);
    let valid = token(&json!({}));
    let (signed, signature) = valid.rsplit_once('.').expect("three parts");
    let mut critical = Header::new(Algorithm::HS256);
    critical.crit = Some(vec!["exp".to_owned()]);
    let critical = encode(&critical, &claims(&json!({})), &secret());
    for token in [
        format!("{}.{payload}.", part(&json!({"alg": "none"}))),
        format!("{}.{payload}.", part(&json!({"alg": "None", "typ": "JWT"}))),
        format!("{}.{payload}.{signature}", part(&json!({"alg": "none"}))),
        format!("{signed}."),
        signed.to_owned(),
        forged.expect("a token"),
        critical.expect("a token"),
        "a.b.c".to_owned(),
        "nonsense".to_owned(),
    ] {
        let (status, error, _) = outcome(address, &bearer(&token)).await;
        assert_eq!((&*status, &*error), ("401", "token_invalid"), "{token}");
    }
}

/// Who has the public key, which is everybody, must not be able to sign with it as if it were a secret.
#[tokio::test]
async fn a_public_key_is_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("a key");
    let public = pair.public_key_pem();
    fs::write(folder.path().join("public.pem"), &public).expect("written");
    let other = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
    let other = other.expect("a key").public_key_pem();
    fs::write(folder.path().join("other.pem"), other).expect("written");
    let yaml = |keys: &str, defaults: &str| {
        let listener = "listeners: [{name: web, address: '127.0.0.1:0'}]";
        let yaml = format!("{listener}\n{}", echo(keys, defaults));
        parse(folder.path().join("loom.yaml"), &yaml)
    };
    let config = yaml("jwt: {key_file: public.pem}", "").expect("a configuration");
    assert!(config.files.contains(&folder.path().join("public.pem")));
    let gateway = Gateway::start(config).await.expect("a gateway");
    let address = address(&gateway);
    let sign = |algorithm, key: &EncodingKey| {
        let token = encode(&Header::new(algorithm), &claims(&json!({})), key);
        bearer(&token.expect("a token"))
    };
    let private = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).expect("a key");
    for algorithm in [Algorithm::RS256, Algorithm::PS512] {
        let signed = outcome(address, &sign(algorithm, &private)).await;
        assert_eq!(signed.0, "200", "{algorithm:?}");
    }
    for secret in [
        public.as_bytes(),
        public.trim().as_bytes(),
        pair.public_key_raw(),
    ] {
        let confused = sign(Algorithm::HS256, &EncodingKey::from_secret(secret));
        let (status, error, _) = outcome(address, &confused).await;
        assert_eq!((&*status, &*error), ("401", "token_invalid"));
    }
    // Nor can the file say so.
    let key = public.replace('\n', "\\n");
    let faults = yaml(&format!("jwt: {{secret: \"{key}\"}}"), "").expect_err("a public key");
    assert!(faults.to_string().contains("no secret"), "{faults}");
    for (keys, defaults) in everywhere("jwt: {key_file: public.pem, algorithms: [RS512, HS256]}") {
        let narrow = yaml(keys, defaults).expect("a configuration");
        let narrow = Gateway::start(narrow).await.expect("a gateway");
        let narrow = super::super::support::address(&narrow);
        for (algorithm, wanted) in [(Algorithm::RS256, "401"), (Algorithm::RS512, "200")] {
            let (status, ..) = outcome(narrow, &sign(algorithm, &private)).await;
            assert_eq!(status, wanted, "{algorithm:?}");
        }
    }
}

#[tokio::test]
async fn a_key_of_a_set_is_told_by_its_id() {
    for (keys, defaults) in everywhere("jwt: {jwks_file: keys.json}") {
        a_key_of_a_set(&|| echo(keys, defaults)).await;
    }
}

async fn a_key_of_a_set(yaml: &(dyn Fn() -> String + Sync)) {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = ["a", "b", "other"].map(|id| {
        let pair = KeyPair::generate().expect("a key");
        let private = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).expect("a key");
        (id, private)
    });
    let set = keys.each_ref().map(|(id, private)| {
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(private, Algorithm::ES256);
        let mut jwk = jwk.expect("a key");
        jwk.common.key_id = Some((*id).to_owned());
        jwk
    });
    let others = json!({"keys": &set[2..]}).to_string();
    fs::write(folder.path().join("other.json"), others).expect("written");
    let read = |count: usize| {
        let text = json!({"keys": &set[..count]}).to_string();
        fs::write(folder.path().join("keys.json"), text).expect("written");
        let yaml = format!(
            "listeners: [{{name: web, address: '127.0.0.1:0'}}]\n{}",
            yaml()
        );
        let config = parse(folder.path().join("loom.yaml"), &yaml);
        config.expect("a configuration")
    };
    let sign = |key: usize, id: Option<&str>| {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = id.map(str::to_owned);
        let token = encode(&header, &claims(&json!({})), &keys[key].1);
        bearer(&token.expect("a token"))
    };
    let gateway = Gateway::start(read(2)).await.expect("a gateway");
    let address = address(&gateway);
    for (headers, wanted) in [
        (sign(0, Some("a")), "200"),
        (sign(1, Some("b")), "200"),
        (sign(1, Some("a")), "401"),
        (sign(1, Some("c")), "401"),
        (sign(1, None), "200"),
    ] {
        assert_eq!(outcome(address, &headers).await.0, wanted, "{headers}");
    }
    // The issuer takes a key back.
    gateway.reload(read(1)).await.expect("a valid one");
    assert_eq!(outcome(address, &sign(1, Some("b"))).await.0, "401");
    assert_eq!(outcome(address, &sign(0, Some("a"))).await.0, "200");
}

#[tokio::test]
async fn the_upstream_reads_what_the_token_says_and_nothing_else() {
    let forward = "forward: {x-user: sub, x-age: age, x-groups: groups, x-none: none}";
    for (keys, defaults) in everywhere(&keys(forward)) {
        let gateway = start(&echo(keys, defaults)).await;
        the_upstream_reads(address(&gateway)).await;
    }
}

async fn the_upstream_reads(gateway: SocketAddr) {
    let spoofed = "x-user: root\r\nx_user: root\r\nx-none: root\r\n";
    let headers = format!("{}{spoofed}", bearer(&token(&json!({}))));
    let response = exchange(gateway, "GET /", &headers).await;
    for seen in [
        "\"x-user\":[\"al\"]",
        "\"x-age\":[\"42\"]",
        r#""x-groups":["[\"a\",\"b\"]"]"#,
        "\"authorization\"",
    ] {
        assert!(response.contains(seen), "{seen}: {response}");
    }
    assert!(!response.contains("root"), "{response}");
    // What is no header cannot become one.
    let line = token(&json!({"sub": "al\r\nx-evil: 1"}));
    assert_eq!(outcome(gateway, &bearer(&line)).await.0, "401");
}

#[tokio::test]
async fn a_token_stands_where_the_file_says() {
    let token = token(&json!({}));
    for (from, line, headers) in [
        (
            "header: x-token",
            "GET /?a=b".to_owned(),
            format!("x-token: {token}\r\n"),
        ),
        (
            "cookie: session",
            "GET /?a=b".to_owned(),
            format!("cookie: c=d; session={token}\r\n"),
        ),
        (
            "query: token",
            format!("GET /?a=b&token={token}"),
            String::new(),
        ),
    ] {
        for (keys, defaults) in
            everywhere(&keys(&format!("from: {{{from}}}, forward_token: false")))
        {
            let gateway = start(&echo(keys, defaults)).await;
            let response = exchange(address(&gateway), &line, &headers).await;
            assert_eq!(status(&response), "200", "{from}: {response}");
            assert!(response.contains("a=b"), "{from}: {response}");
            assert!(!response.contains(&token), "{from}: {response}");
            // And nowhere else.
            assert_eq!(outcome(address(&gateway), &bearer(&token)).await.0, "401");
        }
    }
}
