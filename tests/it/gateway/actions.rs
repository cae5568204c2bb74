//! What routes do with requests, and what they change.

use std::collections::HashMap;
use std::net::SocketAddr;

use http::{Request, Response};
use serde_json::Value;

use super::support::{Raw, Upstream, address, full, http2, start, text, within};
use crate::gateway::keys::shows;

shows! {
    ["routes[].split[]"]: "weight" or "10" => a_split_shares_requests_by_weight;
    ["routes[].split[]"]: "upstream" or "b" => a_split_may_have_one_upstream;
    ["routes[].redirect"]: "to" or "/other", "scheme" or "http", "host" or "other", "path" or "/other", "status"
        => redirects_name_the_address_that_they_are_told;
    ["routes[].respond"]: "status", "body", "headers" => a_response_of_the_configuration_is_the_answer;
    ["routes[]"]: "strip_prefix" => the_upstream_sees_the_changed_path;
    ["routes[].rewrite"]: "regex" or "/(other)/(?<rest>.*)", "with" or "/other" => the_upstream_sees_the_changed_path;
    ["routes[].host_header"]: "set" or "other" => the_upstream_sees_the_host_that_it_shall_see;
    ["routes[].request_headers", "routes[].response_headers", "defaults.request_headers", "defaults.response_headers"]:
        "set", "add", "remove" => headers_are_removed_set_and_added;
    ["routes[]"]: "idle_timeout" => silence_ends_an_exchange;
}

const UPSTREAMS: &str = "upstreams: [{name: echo, builtin: echo}]";

async fn exchange(address: SocketAddr, line: &str, headers: &str) -> String {
    let request = format!("{line} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
    Raw::exchange(address, &request).await
}

fn header<'a>(response: &'a str, name: &str) -> Option<&'a str> {
    let head = response.split("\r\n\r\n").next()?;
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").expect("a head").1
}

/// What reached the built-in echo.
fn seen(response: &str) -> Value {
    serde_json::from_str(body(response)).unwrap_or_else(|_| panic!("{response}"))
}

#[tokio::test]
async fn a_split_shares_requests_by_weight() {
    let [a, b, c] = [
        Upstream::bind().await.say("a"),
        Upstream::bind().await.say("b"),
        Upstream::bind().await.say("c"),
    ];
    let gateway = start(&format!(
        "routes:
  - {{id: split, path: /*, split: [{{upstream: a, weight: 30}}, {{upstream: b, weight: 10}}, {{upstream: c, weight: 0}}]}}
upstreams:
  - {{name: a, endpoints: '{a}'}}
  - {{name: b, endpoints: '{b}'}}
  - {{name: c, endpoints: '{c}'}}"
    ))
    .await;
    let address = address(&gateway);
    let mut counts: HashMap<String, u32> = HashMap::new();
    for _ in 0..200 {
        let response = exchange(address, "GET /", "host: a\r\n").await;
        *counts.entry(body(&response).to_owned()).or_default() += 1;
    }
    let [a, b, c] = ["a", "b", "c"].map(|name| counts.get(name).copied().unwrap_or(0));
    // A fair share of b is 50; to be this far from it by chance takes more luck than the age of the universe has seconds.
    assert!(
        (10..=110).contains(&b) && c == 0 && a + b == 200,
        "{counts:?}"
    );
}

#[tokio::test]
async fn a_split_may_have_one_upstream() {
    let [a, b] = [
        Upstream::bind().await.say("a"),
        Upstream::bind().await.say("b"),
    ];
    let gateway = start(&format!(
        "routes: [{{id: split, path: /*, split: [{{upstream: a, weight: 1}}]}}]
upstreams: [{{name: a, endpoints: '{a}'}}, {{name: b, endpoints: '{b}'}}]"
    ))
    .await;
    let response = exchange(address(&gateway), "GET /", "host: a\r\n").await;
    assert_eq!(body(&response), "a");
}

#[tokio::test]
async fn redirects_name_the_address_that_they_are_told() {
    let gateway = start(&format!(
        "routes:
  - {{id: path, path: '/old/{{id}}', redirect: '/new/{{id}}'}}
  - {{id: address, path: '/go/{{id}}', redirect: {{to: 'https://other.example.com:8443/{{id}}?from=us', status: 301}}}}
  - {{id: bare, path: /bare, redirect: 'https://other.example.com'}}
  - {{id: scheme, path: /secure/*, redirect: {{scheme: https, status: 308}}}}
  - {{id: host, path: /host, redirect: {{host: 'other.example.com:81'}}}}
  - {{id: moved, path: /moved, redirect: {{path: /here, status: 307}}}}
  - {{id: open, path: {{regex: '/out(?<rest>/.*)'}}, redirect: '/{{rest}}'}}
{UPSTREAMS}"
    ))
    .await;
    let address = address(&gateway);
    for (path, status, location) in [
        ("/old/4%2F2?a=b", "302", "/new/4%2F2?a=b"),
        (
            "/go/42?a=b",
            "301",
            "https://other.example.com:8443/42?from=us",
        ),
        ("/bare?a", "302", "https://other.example.com/?a"),
        ("/secure/a/../b?c", "308", "https://example.com/secure/b?c"),
        ("/host?a", "302", "http://other.example.com:81/host?a"),
        ("/moved?a", "307", "/here?a"),
        // What the client chose never becomes a host.
        ("/out/evil.example.com/x", "302", "/evil.example.com/x"),
    ] {
        let response = exchange(
            address,
            &format!("GET {path}"),
            "host: example.com:8080\r\n",
        )
        .await;
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path}: {response}"
        );
        assert_eq!(header(&response, "location"), Some(location), "{path}");
    }
}

#[tokio::test]
async fn a_response_of_the_configuration_is_the_answer() {
    let gateway = start(&format!(
        "routes:
  - {{id: status, path: /gone, respond: 410}}
  - id: text
    path: /text
    respond: {{status: 201, body: hello, headers: {{x-a: ['1', '2']}}}}
    response_headers: {{add: {{x-a: '3'}}}}
  - {{id: json, path: /json, respond: {{body: '{{}}', headers: {{Content-Type: application/json}}}}}}
{UPSTREAMS}"
    ))
    .await;
    let address = address(&gateway);
    let gone = exchange(address, "POST /gone", "host: a\r\ncontent-length: 0\r\n").await;
    assert!(
        gone.starts_with("HTTP/1.1 410 ") && gone.ends_with("\r\n\r\n"),
        "{gone}"
    );
    let text = exchange(address, "GET /text", "host: a\r\n").await;
    assert!(
        text.starts_with("HTTP/1.1 201 ") && text.ends_with("\r\n\r\nhello"),
        "{text}"
    );
    assert_eq!(text.matches("x-a: ").count(), 3, "{text}");
    assert_eq!(
        header(&text, "content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(header(&text, "content-length"), Some("5"));
    let json = exchange(address, "GET /json", "host: a\r\n").await;
    assert_eq!(header(&json, "content-type"), Some("application/json"));
    let head = exchange(address, "HEAD /text", "host: a\r\n").await;
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    assert_eq!(header(&head, "content-length"), Some("5"));
}

#[tokio::test]
async fn head_gets_no_body_over_http2() {
    let gateway = start(&format!(
        "routes: [{{id: text, path: /*, respond: {{body: hello}}}}]\n{UPSTREAMS}"
    ))
    .await;
    let request = Request::head(format!("http://{}/", address(&gateway)));
    let request = request.body(full("")).expect("a request");
    let mut client = http2(address(&gateway)).await;
    let response = within(client.send_request(request)).await;
    let response = response.expect("a response");
    assert_eq!(response.headers()["content-length"], "5");
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn the_upstream_sees_the_changed_path() {
    let gateway = start(&format!(
        "routes:
  - {{id: strip, path: /api/*, strip_prefix: /api, upstream: echo}}
  - {{id: template, path: '/users/{{id}}', rewrite: '/v2/{{id}}/profile', upstream: echo}}
  - {{id: regex, path: /v1/*, rewrite: {{regex: '/v1/([^/]+)/(?<rest>.*)', with: '/{{rest}}/of/{{1}}'}}, upstream: echo}}
{UPSTREAMS}"
    ))
    .await;
    let address = address(&gateway);
    for (path, upstream) in [
        ("/api", "/"),
        ("/api?a", "/?a"),
        ("/x/../api/%61//b?q=/api", "/a/b?q=/api"),
        ("/users/42?a", "/v2/42/profile?a"),
        ("/v1/a/b/c", "/b/c/of/a"),
        ("/v1/a", "/v1/a"),
    ] {
        let response = exchange(address, &format!("GET {path}"), "host: a\r\n").await;
        assert_eq!(seen(&response)["path"], upstream, "{path}");
    }
}

#[tokio::test]
async fn headers_are_removed_set_and_added() {
    const KEYS: &str = "request_headers: {set: {x-set: new}, add: {x-add: [b, c]}, remove: [x-remove, accept]}, \
        response_headers: {set: {content-type: text/other}, add: {x-more: yes please}, remove: x-remove}";
    let upstream = Upstream::bind().await.serve(|request| async move {
        let all = |name: &str| {
            let values = request.headers().get_all(name).into_iter();
            let values: Vec<_> = values.map(|value| value.to_str().expect("text")).collect();
            values.join(" ")
        };
        let seen = ["x-set", "x-add", "x-remove", "accept"].map(all).join(",");
        let response = Response::builder().header("x-remove", "1");
        let response = response.header("content-type", "text/plain");
        response.body(full(seen)).expect("a response")
    });
    for (of_route, of_all) in [(KEYS, ""), ("", KEYS)] {
        let gateway = start(&format!(
            "defaults: {{{of_all}}}
routes: [{{id: all, path: /*, upstream: up, {of_route}}}]
upstreams: [{{name: up, endpoints: '{upstream}'}}]"
        ))
        .await;
        let headers =
            "host: a\r\nx-set: 1\r\nx-set: 2\r\nx-add: a\r\nx-remove: 1\r\naccept: */*\r\n";
        let response = exchange(address(&gateway), "GET /", headers).await;
        assert_eq!(body(&response), "new,a b c,,");
        assert_eq!(header(&response, "content-type"), Some("text/other"));
        assert_eq!(header(&response, "x-more"), Some("yes please"));
        assert_eq!(header(&response, "x-remove"), None);
    }
}

#[tokio::test]
async fn responses_that_the_gateway_makes_behind_the_plugins_are_changed_too() {
    let refused = super::support::refused_address().await;
    let gateway = start(&format!(
        "routes: [{{id: all, path: /*, response_headers: {{set: {{x-a: b}}}}, upstream: nobody}}]
upstreams: [{{name: nobody, endpoints: '{refused}'}}]"
    ))
    .await;
    let response = exchange(address(&gateway), "GET /", "host: a\r\n").await;
    assert!(response.starts_with("HTTP/1.1 502 "), "{response}");
    assert_eq!(header(&response, "x-a"), Some("b"));
}

#[tokio::test]
async fn the_upstream_sees_the_host_that_it_shall_see() {
    let endpoint = Upstream::bind().await.serve(|request| async move {
        let host = request.headers()["host"].to_str().expect("text").to_owned();
        Response::new(full(host))
    });
    let gateway = start(&format!(
        "routes:
  - {{id: default, path: /default, upstream: up}}
  - {{id: preserve, path: /preserve, host_header: preserve, upstream: up}}
  - {{id: upstream, path: /upstream, host_header: upstream, upstream: up}}
  - {{id: set, path: /set, host_header: {{set: 'api.internal:81'}}, upstream: up}}
upstreams: [{{name: up, endpoints: '{endpoint}'}}]"
    ))
    .await;
    let address = address(&gateway);
    for (path, host) in [
        ("/default", "example.com"),
        ("/preserve", "example.com"),
        ("/upstream", &*endpoint.to_string()),
        ("/set", "api.internal:81"),
    ] {
        let response = exchange(address, &format!("GET {path}"), "host: example.com\r\n").await;
        assert_eq!(body(&response), host, "{path}");
    }
}

#[tokio::test]
async fn silence_ends_an_exchange() {
    // It takes connections and never answers.
    let upstream = Upstream::bind().await;
    let gateway = start(&format!(
        "routes: [{{id: all, path: /*, idle_timeout: 50ms, upstream: up}}]
upstreams: [{{name: up, endpoints: '{}'}}]",
        upstream.address()
    ))
    .await;
    let response = exchange(address(&gateway), "GET /", "host: a\r\n").await;
    assert!(response.starts_with("HTTP/1.1 504 "), "{response}");
    assert!(
        response.ends_with("the upstream was silent for too long"),
        "{response}"
    );
}
