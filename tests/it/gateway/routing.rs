//! Which route takes a request, and which endpoint.

use std::collections::HashSet;

use super::support::{Raw, Upstream, address, proxy_to, start};

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
        response.ends_with("no route takes this host and path"),
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
    let names: Vec<_> = gateway
        .addresses()
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["one", "two"]);
    let [one, two] = [0, 1].map(|listener| gateway.addresses()[listener].1);
    assert_eq!(
        get(one, "a", "/").await,
        "no route takes this host and path"
    );
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
