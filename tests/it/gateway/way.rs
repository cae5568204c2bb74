//! The order in which a request meets what there is, as `loom route` tells it: the one that the gateway has.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::support::{Raw, address, loom};
use super::tls::support::start;

/// Whatever can refuse a request or answer it, with its code or what tells the answer.
const REFUSALS: [(&str, &str, &str); 9] = [
    ("redirect_https", "redirect_https: true", "308"),
    ("listener", "plugins: [first]", "418 first"),
    ("ip_deny", "ip_deny: 127.0.0.0/8", "403 ip_denied"),
    ("cors", "cors: {origins: '*'}", "200 cors"),
    (
        "rate_limit",
        "rate_limit: {requests: 1, per: 1h, by: route}",
        "429 rate_limited",
    ),
    (
        "basic_auth",
        "basic_auth: {users: {a: '$2b$04$.....................................................'}}",
        "401 credentials_missing",
    ),
    (
        "jwt",
        "jwt: {secret: 0123456789abcdef0123456789abcdef}",
        "401 token_missing",
    ),
    ("max_body", "max_body: 1B", "413 request_too_large"),
    ("plugins", "plugins: [second]", "418 second"),
];

/// A configuration with these refusals.
fn config(has: &[&str]) -> String {
    let there = |key: &&(&str, &str, &str)| has.contains(&key.0);
    let all = |keys: &[(&str, &str, &str)]| {
        let lines = keys
            .iter()
            .filter(there)
            .map(|(_, line, _)| format!("    {line}\n"));
        lines.collect::<String>()
    };
    let (listener, route) = (all(&REFUSALS[..2]), all(&REFUSALS[2..]));
    format!(
        "listeners:
  - name: web
    address: '127.0.0.1:0'
{listener}plugins: [{{name: first, path: first.wasm}}, {{name: second, path: second.wasm}}]
routes:
  - id: all
    path: /*
    respond: 204
{route}"
    )
}

/// A plugin that answers every request with this.
fn answers(folder: &Path, name: &str) {
    let wat = format!(
        r#"(module
          (import "env" "proxy_send_local_response"
            (func $send (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 64) "{name}")
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 4096))
          (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $send (i32.const 418) (i32.const 0) (i32.const 0) (i32.const 64) (i32.const {})
              (i32.const 0) (i32.const 0) (i32.const -1)))
            (i32.const 1)))"#,
        name.len()
    );
    let module = wat::parse_str(wat).expect("valid");
    fs::write(folder.join(format!("{name}.wasm")), module).expect("written");
}

/// The steps that refuse, in the order in which they are told.
fn told(folder: &Path) -> Vec<String> {
    let output = loom(folder, &["route", "OPTIONS", "/a", "--json"]);
    let decision: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let keys = |part: &str| {
        let steps = decision["way"][part].as_array().expect("a list").clone();
        steps
            .into_iter()
            .map(|step| step["key"].as_str().expect("a key").to_owned())
    };
    let listener = keys("listener").map(|key| match &*key {
        "plugins" => "listener".to_owned(),
        _ => key,
    });
    let all = listener.chain(keys("route"));
    all.filter(|key| REFUSALS.iter().any(|(known, ..)| known == key))
        .collect()
}

/// Who answers a request that all of them refuse.
async fn refused(folder: &Path, yaml: &str) -> String {
    let gateway = start(folder, yaml).await;
    let mut answer = String::new();
    // The second one finds no token left.
    for _ in 0..2 {
        let request = "OPTIONS /a HTTP/1.1\r\nhost: a\r\norigin: https://a.example\r\naccess-control-request-method: PUT\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab";
        answer = Raw::exchange(address(&gateway), request).await;
    }
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    let code = head
        .lines()
        .find_map(|line| line.strip_prefix("x-loom-error: "));
    let cors = head
        .contains("access-control-allow-origin")
        .then_some("cors");
    let by = code.or(cors).unwrap_or(body);
    format!("{} {by}", &head[9..12]).trim_end().to_owned()
}

#[tokio::test]
async fn it_is_the_one_that_requests_meet() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    answers(folder, "first");
    answers(folder, "second");
    let all = REFUSALS.map(|(key, ..)| key);
    // What is answered by a redirect is told nothing of what would come then.
    fs::write(folder.join("loom.yaml"), config(&all)).expect("written");
    assert_eq!(told(folder), ["redirect_https"]);
    fs::write(folder.join("loom.yaml"), config(&all[1..])).expect("written");
    let mut order = vec!["redirect_https".to_owned()];
    order.extend(told(folder));
    assert_eq!(order.len(), REFUSALS.len(), "{order:?}");
    for first in 0..order.len() {
        let left: Vec<_> = order[first..].iter().map(String::as_str).collect();
        let row = REFUSALS.iter().find(|(key, ..)| *key == order[first]);
        let (_, _, expected) = row.expect("a refusal");
        let answer = refused(folder, &config(&left)).await;
        assert_eq!(answer, *expected, "{left:?}");
    }
}

/// Everything that a route can have.
const FULL: &str = r#"
listeners:
  - name: web
    address: 127.0.0.1:8080
    trusted_proxies: [10.0.0.0/8, "fd00::/8"]
    normalize_path: {escaped_slashes: reject}
    limits: {body_timeout: 30s}
    plugins: [waf]
plugins:
  - {name: waf, path: gone/waf.wasm, failure_policy: open}
  - {name: auth, path: gone/auth.wasm, priority: 100}
  - {name: limit, path: gone/limit.wasm, phase: on_request_body}
defaults: {plugins: [auth], timeout: 30s, ip_deny: 192.0.2.0/24}
routes:
  - id: api
    host: api.example.com
    path: /api/*
    plugins: [{plugin: limit, id: limit-api, config: {burst: 5}, timeout: 10ms, failure_policy: closed}]
    compression: {encodings: [gzip, br], min_size: 4KiB}
    ip_allow: 10.0.0.0/8
    cors: {origins: ["https://*.example.com"], methods: [GET, PUT], credentials: true}
    rate_limit: {requests: 100, per: 1m, burst: 200, by: {header: x-key}}
    basic_auth: {users: {a: $2b$04$.....................................................}, user_header: x-user}
    jwt: {secret: 0123456789abcdef0123456789abcdef, issuer: https://issuer.example.com, audience: [shop, app]}
    max_body: 1MiB
    idle_timeout: 10s
    strip_prefix: /api
    request_headers: {set: {x-a: secret}, add: {x-b: secret}, remove: x-c}
    retry: {attempts: 3, when: [connect_failure, 503]}
    upstream: backend
  - {id: rest, path: /*, respond: 404}
upstreams:
  - name: backend
    endpoints: [10.0.0.1:3000, "[::1]:3000"]
    load_balancer: {policy: consistent_hash, hash_on: [{cookie: session}, ip]}
    protocol: http2
    tls: {server_name: api.internal}
    limits: {connections: 500}
    timeouts: {connect: 1s, per_try: 2s}
    health_check: {grpc: {service: a.B}}
    outlier_detection: {consecutive_errors: 1}
"#;

const WAY: &str = r#"route     api
request   GET api.example.com /api/users
taken by  host api.example.com, path /api/*

what it meets
  listener         web (127.0.0.1:8080), http
  trusted_proxies  10.0.0.0/8, fd00::/8 may say who the client is
  normalize_path   escaped_slashes reject
  body_timeout     30s of waiting for the body; 500B give a second back
  plugins          1. waf (priority 0, failure_policy open)
  route            api
  compression      gzip, br from 4KiB on
  ip_allow         10.0.0.0/8
  ip_deny          192.0.2.0/24
  cors             https://*.example.com; GET, PUT, with credentials
  rate_limit       100 in 1m, 200 at once, each value of x-key
  basic_auth       1 user; x-user tells the name
  jwt              a token in authorization, 1 key, issuer
                     https://issuer.example.com, audience shop or app
  max_body         1MiB
  timeout          30s from the end of the request to the end of the response
  idle_timeout     10s in which nothing passes
  plugins          1. auth (priority 100, of defaults)
                   2. limit-api (plugin limit, priority 0, phase
                     on_request_body, config of its own, timeout 10ms,
                     failure_policy closed)
                   in this order: higher priority first; of the same, those of
                     defaults, then the order of the list
  strip_prefix     /api
  request_headers  remove x-c, set x-a, add x-b
  sent as          GET /users
                   host: api.example.com
  retry            3 attempts, when connect_failure, 503; budget 20%, max_body
                     64KiB
  upstream         backend (10.0.0.1:3000, [::1]:3000)
                   protocol: http2
                   tls: server_name api.internal, authorities of the system
                   load_balancer: consistent_hash on cookie session, ip
                   timeouts: connect 1s, per_try 2s, idle 30s
                   limits: connections 500, pending 1000
                   health_check: a call of gRPC for a.B every 10s
                   outlier_detection: out for 30s after 1 error, at most 50% of
                     the servers

other routes
  rest  it fits, but later: host api.example.com is closer than any host
"#;

const TABLE: &str = r#"LISTENERS
web  127.0.0.1:8080  http
    trusted_proxies, normalize_path, body_timeout, plugins [waf]

HOST             PATH    CONDITIONS  ROUTE  LISTENERS  ACTION
api.example.com  /api/*  -           api    all        upstream backend
    compression, ip_allow, ip_deny, cors, rate_limit, basic_auth, jwt, max_body,
      timeout, idle_timeout, plugins [auth, limit-api], strip_prefix,
      request_headers, retry
*                /*      -           rest   all        respond 404
    ip_deny, timeout, plugins [auth]
"#;

#[test]
fn it_is_readable() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("loom.yaml"), FULL).expect("written");
    for (arguments, expected) in [
        (
            &["route", "GET", "http://api.example.com/api/users"][..],
            WAY,
        ),
        (&["routes"], TABLE),
    ] {
        let output = loom(folder.path(), arguments);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            said,
            expected,
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let wide = said.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None);
    }
}

#[test]
fn an_https_listener_says_so() {
    let authority = crate::certificates::Authority::new();
    let folder = super::tls::support::folder(&authority);
    authority.identity("a.test").write(folder.path(), "a");
    let yaml = "
listeners:
  - {name: plain, address: '127.0.0.1:8080', redirect_https: {port: 8443}}
  - name: secure
    address: '127.0.0.1:8443'
    proxy_protocol: true
    tls:
      certificates: [{cert_file: a.pem, key_file: a.key}]
      min_version: '1.3'
      client_auth: {mode: optional, ca_file: ca.pem, forward: [subject, cert]}
routes: [{id: moved, path: /*, redirect: {path: /new}}]
";
    fs::write(folder.path().join("loom.yaml"), yaml).expect("written");
    let said = |arguments: &[&str]| {
        let output = loom(folder.path(), &[&["route", "GET"], arguments].concat());
        let text = String::from_utf8_lossy(&output.stdout);
        (text.into_owned(), output.status.code())
    };
    let plain = "route   none is asked
answer  308 to https://a.test:8443/b

what it meets
  listener        plain (127.0.0.1:8080), http
  redirect_https  what has not come by HTTPS is answered with 308, to port 8443
";
    assert_eq!(said(&["http://a.test/b"]), (plain.to_owned(), Some(3)));
    let secure = "route     moved
request   GET a.test /b
taken by  host *, path /*

what it meets
  listener        secure (127.0.0.1:8443), https with TLS 1.3
  proxy_protocol  each connection begins with its header
  client_auth     a certificate of the client is asked for;
                    x-forwarded-client-cert tells by, hash, cert, subject
  route           moved
  redirect        302
  answer          302 to /new
";
    assert_eq!(
        said(&["http://a.test/b", "--listener", "secure"]),
        (secure.to_owned(), Some(0))
    );
    // A URL's own scheme finds it, too.
    let (json, _) = said(&["https://a.test/b", "--json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["scheme"], "https");
    assert_eq!(json["way"]["listener"][0]["key"], "proxy_protocol");
    assert_eq!(json["way"]["action"][0]["key"], "redirect");
}
