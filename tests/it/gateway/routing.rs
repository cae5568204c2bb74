//! Which route takes a request, and which endpoint.

use std::collections::HashSet;

use super::support::{Raw, Upstream, address, proxy_to, start};
use crate::gateway::keys::shows;

shows! {
    ["routes[]"]: "host" or "'*.other.example'", "upstream" or "rest" => the_closest_host_and_path_take_a_request;
    ["routes[]"]: "listeners" => a_route_is_only_on_its_listeners;
    ["routes[].path[]"]: "regex" or "/other" => templates_and_expressions_take_paths;
    ["routes[]"]: "methods", "order" => methods_headers_query_and_order_tell_routes_apart;
    ["routes[].headers[]", "routes[].query[]"]: "name" or "other", "exact" or "other", "regex" or "other"
        => methods_headers_query_and_order_tell_routes_apart;
    ["routes[].headers[]"]: "present" or "true" => methods_headers_query_and_order_tell_routes_apart;
    ["routes[].query[]"]: "present" or "false" => methods_headers_query_and_order_tell_routes_apart;
}

async fn get(address: std::net::SocketAddr, host: &str, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let response = Raw::exchange(address, &request).await;
    response
        .split_once("\r\n\r\n")
        .expect("a head")
        .1
        .to_owned()
}

#[tokio::test]
async fn the_closest_host_and_path_take_a_request() {
    let (a, b, c, d) = tokio::join!(
        Upstream::bind(),
        Upstream::bind(),
        Upstream::bind(),
        Upstream::bind()
    );
    let gateway = start(&format!(
        "routes:
  - {{id: rest, path: '/*', upstream: rest}}
  - {{id: api, path: '/api/*', upstream: api}}
  - {{id: health, path: /api/health, upstream: health}}
  - {{id: host, host: ['*.example.com'], path: '/api/*', upstream: host}}
upstreams:
  - {{name: rest, endpoints: ['{}']}}
  - {{name: api, endpoints: ['{}']}}
  - {{name: health, endpoints: ['{}']}}
  - {{name: host, endpoints: ['{}']}}",
        a.say("rest"),
        b.say("api"),
        c.say("health"),
        d.say("host")
    ))
    .await;
    let address = address(&gateway);
    for (host, path, upstream) in [
        ("a", "/", "rest"),
        ("a", "/apis", "rest"),
        ("a", "/api", "api"),
        ("a", "/api/", "api"),
        ("a", "/api/x?y", "api"),
        ("a", "//api/./x", "api"),
        ("a", "/api/health", "health"),
        ("a", "/api/health/", "api"),
        ("X.Example.com:8080", "/api/health", "host"),
        ("x.example.com", "/", "rest"),
        ("example.com", "/api", "api"),
    ] {
        assert_eq!(get(address, host, path).await, upstream, "{host} {path}");
    }
}

#[tokio::test]
async fn what_no_route_takes_is_404() {
    let upstream = Upstream::bind().await.say("never");
    let gateway = start(&format!(
        "routes: [{{id: api, path: '/api/*', upstream: a}}]\nupstreams: [{{name: a, endpoints: ['{upstream}']}}]"
    ))
    .await;
    let request = "GET /api/%2e%2e/secret HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let response = Raw::exchange(address(&gateway), request).await;
    assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
    assert!(response.contains("x-request-id: "), "{response}");
    assert!(
        response.ends_with("no route takes this request"),
        "{response}"
    );
}

#[tokio::test]
async fn a_route_is_only_on_its_listeners() {
    let gateway = start(
        "listeners: [{name: one, address: '127.0.0.1:0'}, {name: two, address: '127.0.0.1:0'}]
routes: [{id: all, listeners: [two], path: '/*', upstream: echo}]
upstreams: [{name: echo, builtin: echo}]",
    )
    .await;
    let addresses = gateway.addresses();
    let names: Vec<_> = addresses.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    let [one, two] = [0, 1].map(|listener| gateway.addresses()[listener].1);
    assert_eq!(get(one, "a", "/").await, "no route takes this request");
    assert!(get(two, "a", "/").await.starts_with("{\"method\":\"GET\""));
}

#[tokio::test]
async fn endpoints_take_turns() {
    let [a, b] = [
        Upstream::bind().await.say("a"),
        Upstream::bind().await.say("b"),
    ];
    let gateway = start(&proxy_to(&[a, b])).await;
    let mut turns = Vec::new();
    for _ in 0..6 {
        turns.push(get(address(&gateway), "a", "/").await);
    }
    assert_eq!(turns.iter().collect::<HashSet<_>>().len(), 2, "{turns:?}");
    assert!(turns.windows(2).all(|pair| pair[0] != pair[1]), "{turns:?}");
}

/// The id of the route that answers, each with an upstream of its own.
async fn told_by(rows: &[(&'static str, &str)]) -> loom_gateway::Running {
    let (mut routes, mut upstreams) = (String::new(), String::new());
    for (id, match_) in rows {
        let upstream = Upstream::bind().await.say(id);
        routes += &format!("  - {{id: {id}, {match_}, upstream: {id}}}\n");
        upstreams += &format!("  - {{name: {id}, endpoints: '{upstream}'}}\n");
    }
    start(&format!("routes:\n{routes}upstreams:\n{upstreams}")).await
}

#[tokio::test]
async fn templates_and_expressions_take_paths() {
    let gateway = told_by(&[
        ("me", "path: /users/me"),
        ("user", "path: '/users/{id}'"),
        ("below", "path: '/users/{id}/*'"),
        ("users", "path: '/users/*'"),
        ("version", "path: {regex: '/v[0-9]+/.*'}"),
    ])
    .await;
    let address = address(&gateway);
    for (path, route) in [
        ("/users/me", "me"),
        ("/users/you", "user"),
        ("/users/%79ou?a", "user"),
        ("/users/x/../you", "user"),
        ("/users/a%2Fb", "user"),
        ("/users/you/", "below"),
        ("/users/you/posts/1", "below"),
        ("/users/", "users"),
        ("/v12/x", "version"),
        ("/v12", "no route takes this request"),
        ("/x/v12/x", "no route takes this request"),
    ] {
        assert_eq!(get(address, "a", path).await, route, "{path}");
    }
}

#[tokio::test]
async fn methods_headers_query_and_order_tell_routes_apart() {
    let gateway = told_by(&[
        ("write", "path: '/*', methods: [POST, PUT]"),
        (
            "canary",
            "path: '/*', headers: [{name: x-canary, exact: '1'}]",
        ),
        (
            "old",
            "path: '/*', headers: {name: x-version, regex: '[12][.].*'}",
        ),
        (
            "debug",
            "path: '/*', query: {name: debug, present: true}, order: -1",
        ),
        (
            "exact",
            "path: '/*', query: [{name: version, exact: '2'}], order: 1",
        ),
        (
            "numbers",
            "path: '/*', query: {name: page, regex: '[0-9]+'}, order: 2",
        ),
        (
            "anonymous",
            "path: /who, headers: {name: authorization, present: false}",
        ),
        ("rest", "path: [/r, '/rest/*']"),
    ])
    .await;
    let address = address(&gateway);
    for (line, headers, route) in [
        ("GET /", "", "no route takes this request"),
        ("POST /", "", "write"),
        ("post /", "", "no route takes this request"),
        ("GET /", "x-canary: 1\r\n", "canary"),
        ("GET /", "x-canary: 11\r\n", "no route takes this request"),
        ("GET /", "x-canary: 0\r\nX-Canary: 1\r\n", "canary"),
        ("GET /", "x-version: 1.5\r\n", "old"),
        (
            "GET /",
            "x-version: 11.5\r\n",
            "no route takes this request",
        ),
        ("GET /?a&debug", "x-canary: 1\r\n", "debug"),
        ("GET /?d%65bug=1", "", "debug"),
        ("GET /?xdebug", "", "no route takes this request"),
        ("GET /?version=2", "", "exact"),
        ("GET /?version=22", "", "no route takes this request"),
        ("GET /?page=22", "", "numbers"),
        ("GET /?page=2b", "", "no route takes this request"),
        ("GET /who", "", "anonymous"),
        ("POST /who", "authorization: x\r\n", "write"),
        (
            "GET /who",
            "authorization: x\r\n",
            "no route takes this request",
        ),
        ("PUT /rest/x", "", "rest"),
    ] {
        let request = format!("{line} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n");
        let response = Raw::exchange(address, &request).await;
        assert!(
            response.ends_with(&format!("\r\n\r\n{route}")),
            "{line} {headers}{response}"
        );
    }
}
