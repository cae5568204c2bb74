//! `rate_limit`.

use loom_gateway::Running;

use super::super::support::{address, parse, start};
use super::{echo, everywhere, exchange, header, status};
use crate::gateway::keys::shows;

shows! {
    ["routes[].rate_limit", "defaults.rate_limit"]: "requests" or "5", "per", "burst" => who_comes_too_often_is_told_when_to_come_again;
    ["routes[].rate_limit.by", "defaults.rate_limit.by"]: "header" or "x-other" => values_of_a_header_have_buckets_of_their_own;
}

/// The statuses of requests with this header, one after the other.
async fn statuses(gateway: &Running, headers: &str, count: usize) -> Vec<String> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        let response = exchange(address(gateway), "GET /", headers).await;
        statuses.push(status(&response).to_owned());
    }
    statuses
}

#[tokio::test]
async fn who_comes_too_often_is_told_when_to_come_again() {
    for (keys, defaults) in everywhere("rate_limit: {requests: 1, per: 1h, burst: 2}") {
        let gateway = start(&echo(keys, defaults)).await;
        // What a client says of its address is nothing.
        let headers = "x-forwarded-for: 192.0.2.1\r\n";
        assert_eq!(statuses(&gateway, headers, 2).await, ["200", "200"]);
        let refused = exchange(address(&gateway), "GET /", "").await;
        assert_eq!(status(&refused), "429", "{refused}");
        assert_eq!(header(&refused, "x-loom-error"), Some("rate_limited"));
        let wait = header(&refused, "retry-after").expect("a time");
        let wait: u32 = wait.parse().expect("seconds");
        assert!((3000..=3600).contains(&wait), "{wait}");
    }
}

#[tokio::test]
async fn tokens_come_back() {
    let gateway = start(&echo("rate_limit: {requests: 1, per: 1ms}", "")).await;
    // However slow this is, at least one request finds a token again.
    let mut passed = 0;
    while passed < 3 {
        let response = exchange(address(&gateway), "GET /", "").await;
        passed += usize::from(status(&response) == "200");
    }
}

#[tokio::test]
async fn values_of_a_header_have_buckets_of_their_own() {
    let keys = "rate_limit: {requests: 1, per: 1h, by: {header: x-key}}";
    for (keys, defaults) in everywhere(keys) {
        let gateway = start(&echo(keys, defaults)).await;
        for headers in ["x-key: a\r\n", "x-key: b\r\n", ""] {
            let statuses = statuses(&gateway, headers, 2).await;
            assert_eq!(statuses, ["200", "429"], "{headers}");
        }
    }
}

#[tokio::test]
async fn a_route_may_have_one_bucket_for_all() {
    let keys = "rate_limit: {requests: 1, per: 1h, by: route}";
    let gateway = start(&echo(keys, "")).await;
    assert_eq!(statuses(&gateway, "", 2).await, ["200", "429"]);
}

#[tokio::test]
async fn a_default_counts_for_each_route_and_can_be_switched_off() {
    let gateway = start(
        "defaults: {rate_limit: {requests: 1, per: 1h}}
routes:
  - {id: a, path: /a, respond: 200}
  - {id: b, path: /b, respond: 200}
  - {id: free, path: /free, rate_limit: false, respond: 200}",
    )
    .await;
    for (path, wanted) in [
        ("/a", "200"),
        ("/b", "200"),
        ("/a", "429"),
        ("/b", "429"),
        ("/free", "200"),
        ("/free", "200"),
    ] {
        let response = exchange(address(&gateway), &format!("GET {path}"), "").await;
        assert_eq!(status(&response), wanted, "{path}");
    }
}

#[tokio::test]
async fn a_reload_forgets_only_what_is_configured_anew() {
    let config = |keys: &str, more: &str| {
        let yaml = format!(
            "listeners: [{{name: web, address: '127.0.0.1:0'}}]\n{}\n{more}",
            echo(keys, "")
        );
        parse("loom.yaml", &yaml).expect("valid")
    };
    let keys = "rate_limit: {requests: 1, per: 1h}";
    let gateway = start(&echo(keys, "")).await;
    assert_eq!(statuses(&gateway, "", 2).await, ["200", "429"]);
    let other = config(&format!("{keys}, max_body: 1MiB"), "error_header: false");
    gateway.reload(other).await.expect("a valid one");
    assert_eq!(statuses(&gateway, "", 1).await, ["429"]);
    let other = config("rate_limit: {requests: 2, per: 1h}", "");
    gateway.reload(other).await.expect("a valid one");
    assert_eq!(statuses(&gateway, "", 1).await, ["200"]);
}
