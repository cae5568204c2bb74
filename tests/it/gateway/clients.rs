//! Who the client is, behind proxies that are trusted and others.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::Value;

use super::access_log::json;
use super::support::{Raw, Upstream, address, parse, start};
use crate::gateway::keys::shows;

shows! {
    ["listeners[]"]: "trusted_proxies" => who_is_trusted_follows_the_configuration;
}

fn listener(trusted: &str) -> String {
    format!("listeners: [{{name: web, address: '127.0.0.1:0', trusted_proxies: [{trusted}]}}]\n")
}

const TRUSTED: &str = "127.0.0.1, 10.0.0.0/8";

/// The answer to a request with these headers.
async fn get(gateway: SocketAddr, headers: &str) -> String {
    let request =
        format!("GET / HTTP/1.1\r\nhost: own.example\r\nconnection: close\r\n{headers}\r\n");
    Raw::exchange(gateway, &request).await
}

/// The headers that an upstream gets for a request with these.
async fn upstream_gets(gateway: SocketAddr, headers: &str) -> Value {
    let answer = get(gateway, headers).await;
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let echoed: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
    echoed["headers"].clone()
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_and_nobody_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("access.log");
    let echo = format!(
        "access_log: {{path: '{}'}}
routes: [{{id: all, path: '/*', upstream: echo}}]
upstreams: [{{name: echo, builtin: echo}}]",
        log.display()
    );
    let headers = "x-forwarded-for: 6.6.6.6, 192.0.2.7\r\nx-forwarded-for: 10.0.0.1\r\nx-forwarded-proto: https\r\n\
                   x-forwarded-host: shown.example\r\nx-forwarded-port: 443\r\nforwarded: for=6.6.6.6\r\n";

    let gateway = start(&(listener(TRUSTED) + &echo)).await;
    let seen = upstream_gets(address(&gateway), headers).await;
    let chain = "6.6.6.6, 192.0.2.7, 10.0.0.1, 127.0.0.1";
    assert_eq!(seen["x-forwarded-for"][0], chain, "{seen}");
    assert_eq!(seen["x-forwarded-proto"][0], "https");
    assert_eq!(seen["x-forwarded-host"][0], "shown.example");
    assert_eq!(seen["x-forwarded-port"][0], "443");
    assert!(seen.get("forwarded").is_none(), "{seen}");
    assert_eq!(json(&log, 1).await[0]["client"], "192.0.2.7");
    drop(gateway);

    let gateway = start(&(listener("10.0.0.0/8") + &echo)).await;
    let seen = upstream_gets(address(&gateway), headers).await;
    assert_eq!(seen["x-forwarded-for"][0], "127.0.0.1", "{seen}");
    assert_eq!(seen["x-forwarded-proto"][0], "http");
    assert_eq!(seen["x-forwarded-host"][0], "own.example");
    assert!(seen.get("x-forwarded-port").is_none(), "{seen}");
    assert_eq!(json(&log, 2).await[1]["client"], "127.0.0.1");
}

#[tokio::test]
async fn who_is_trusted_follows_the_configuration() {
    let echo =
        "routes: [{id: all, path: '/*', upstream: echo}]\nupstreams: [{name: echo, builtin: echo}]";
    let gateway = start(&(listener("10.0.0.0/8") + echo)).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    let request = "GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 192.0.2.7\r\n\r\n";
    connection.send(request).await;
    assert!(!connection.response().await.contains("192.0.2.7"));
    let config = parse("loom.yaml", &(listener(TRUSTED) + echo));
    let reloaded = gateway.reload(config.expect("valid")).await;
    reloaded.expect("taken over");
    connection.send(request).await;
    assert!(connection.response().await.contains("192.0.2.7"));
}

#[tokio::test]
async fn clients_behind_one_proxy_are_spread_by_their_own_addresses() {
    let (one, two) = (Upstream::bind().await, Upstream::bind().await);
    let (one, two) = (one.say("one"), two.say("two"));
    let routes = format!(
        "routes: [{{id: all, path: '/*', upstream: a}}]
upstreams: [{{name: a, endpoints: ['{one}', '{two}'], load_balancer: {{policy: consistent_hash, hash_on: ip}}}}]"
    );
    let gateway = start(&(listener(TRUSTED) + &routes)).await;
    let gateway = address(&gateway);
    let mut servers = BTreeSet::new();
    for client in 0..32 {
        let headers = format!("x-forwarded-for: 192.0.2.{client}\r\n");
        let (first, second) = (get(gateway, &headers).await, get(gateway, &headers).await);
        let server = |answer: &str| answer[answer.len() - 3..].to_owned();
        assert_eq!(server(&first), server(&second));
        servers.insert(server(&first));
    }
    assert_eq!(servers.len(), 2, "{servers:?}");
}

#[tokio::test]
async fn a_redirect_keeps_the_scheme_that_the_client_spoke() {
    let routes = "routes: [{id: all, path: '/*', redirect: {host: new.example}}]";
    let gateway = start(&(listener(TRUSTED) + routes)).await;
    let answer = get(address(&gateway), "x-forwarded-proto: https\r\n").await;
    assert!(
        answer.contains("location: https://new.example/"),
        "{answer}"
    );
}
