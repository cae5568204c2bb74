//! What metrics and `/upstreams` say of pools, endpoints and plugins' calls.

use super::admin::{ADMIN, admin, eventually, json, metrics};
use super::support::{Raw, Upstream, address, refused_address, start, within};
use crate::built::add_header;
use crate::gateway::keys::shows;

shows! {
    ["upstreams[]"]: "resolve_interval" => names_are_looked_up_again_and_again;
}

async fn get(gateway: &loom_gateway::Running) -> String {
    let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    Raw::exchange(address(gateway), request).await
}

#[tokio::test]
async fn a_server_that_is_put_out_is_seen_and_retries_are_counted() {
    let (dead, live) = (refused_address().await, Upstream::bind().await.say("yes"));
    let gateway = start(&format!(
        "{ADMIN}routes: [{{id: all, path: '/*', upstream: a, retry: {{}}}}]
upstreams:
  - name: a
    endpoints: ['{dead}', '{live}']
    outlier_detection: {{consecutive_errors: 1, base_ejection: 1h}}"
    ))
    .await;
    for _ in 0..2 {
        assert!(get(&gateway).await.starts_with("HTTP/1.1 200 "));
    }
    let admin = admin(&gateway);
    // The connection is kept once the response has been read to its end.
    let series = eventually(
        admin,
        "loom_upstream_connections{upstream=\"a\",state=\"idle\"}",
        1.0,
    )
    .await;
    for (name, expected) in [
        (
            "loom_upstream_connections{upstream=\"a\",state=\"active\"}",
            0.0,
        ),
        (
            "loom_upstream_retries_total{upstream=\"a\",result=\"sent\"}",
            1.0,
        ),
        (
            "loom_upstream_retries_total{upstream=\"a\",result=\"refused\"}",
            0.0,
        ),
        ("loom_upstream_ejections_total{upstream=\"a\"}", 1.0),
        (
            "loom_upstream_endpoints{upstream=\"a\",health=\"ejected\"}",
            1.0,
        ),
        (
            "loom_upstream_endpoints{upstream=\"a\",health=\"healthy\"}",
            1.0,
        ),
        ("loom_upstream_panicking{upstream=\"a\"}", 0.0),
    ] {
        let value = series.get(name).copied();
        assert_eq!(value, Some(expected), "{name}");
    }
    let page = json(admin, "/upstreams").await;
    let upstream = &page["upstreams"][0];
    assert_eq!(upstream["retries"]["sent"], 1);
    let endpoints = upstream["endpoints"].as_array().expect("a list");
    let of = |address: std::net::SocketAddr| {
        let mut all = endpoints.iter();
        all.find(|one| one["resolved"] == address.to_string())
            .expect("it is there")
    };
    assert_eq!(of(dead)["health"], "ejected");
    let left = of(dead)["ejected_for_ms"].as_u64().expect("a number");
    assert!(left > 0 && left <= 3_600_000, "{left}");
    assert_eq!(of(live)["connections"]["idle"], 1);
    assert!(of(live)["ejected_for_ms"].is_null());
}

#[tokio::test]
async fn a_retry_that_the_budget_forbids_is_counted() {
    let gateway = start(&format!(
        "{ADMIN}routes: [{{id: all, path: '/*', upstream: a, retry: {{budget: 0%}}}}]
upstreams: [{{name: a, endpoints: ['{}']}}]",
        refused_address().await
    ))
    .await;
    assert!(get(&gateway).await.starts_with("HTTP/1.1 502 "));
    let series = metrics(admin(&gateway)).await;
    assert_eq!(
        series["loom_upstream_retries_total{upstream=\"a\",result=\"refused\"}"],
        1.0
    );
    assert_eq!(
        series["loom_upstream_retries_total{upstream=\"a\",result=\"sent\"}"],
        0.0
    );
}

#[tokio::test]
async fn requests_that_wait_for_their_turn_are_seen() {
    let upstream = Upstream::bind().await;
    let gateway = start(&format!(
        "{ADMIN}routes: [{{id: all, path: '/*', upstream: a}}]
upstreams: [{{name: a, endpoints: ['{}'], limits: {{connections: 1, pending: 5}}, timeouts: {{connect: 1h}}}}]",
        upstream.address()
    ))
    .await;
    let mut first = Raw::connect(address(&gateway)).await;
    first.send("GET /1 HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut connection = Raw(upstream.accept().await);
    connection.until("\r\n\r\n").await;
    let mut second = Raw::connect(address(&gateway)).await;
    second.send("GET /2 HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let admin = admin(&gateway);
    let series = eventually(admin, "loom_upstream_pending{upstream=\"a\"}", 1.0).await;
    assert_eq!(
        series["loom_upstream_connections{upstream=\"a\",state=\"active\"}"],
        1.0
    );
    let upstream = &json(admin, "/upstreams").await["upstreams"][0];
    assert_eq!(
        (&upstream["pending"], &upstream["in_flight"]),
        (&1.into(), &1.into())
    );
    assert_eq!(upstream["limits"]["connections"], 1);
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    connection.send(answer).await;
    first.until("\r\n\r\n").await;
    connection.until("\r\n\r\n").await;
    connection.send(answer).await;
    second.until("\r\n\r\n").await;
    eventually(admin, "loom_upstream_pending{upstream=\"a\"}", 0.0).await;
}

#[tokio::test]
async fn health_checks_are_counted_by_their_result() {
    let gateway = start(&format!(
        "{ADMIN}routes: [{{id: all, path: '/*', upstream: a}}]
upstreams: [{{name: a, endpoints: ['{}'], health_check: {{interval: 1h}}}}]",
        refused_address().await
    ))
    .await;
    let name = "loom_upstream_health_checks_total{upstream=\"a\",result=\"failed\"}";
    let series = within(eventually(admin(&gateway), name, 1.0)).await;
    assert_eq!(
        series["loom_upstream_endpoints{upstream=\"a\",health=\"unhealthy\"}"],
        1.0
    );
    assert_eq!(series["loom_upstream_panicking{upstream=\"a\"}"], 1.0);
}

#[tokio::test]
async fn names_are_looked_up_again_and_again() {
    // The first name is an address to the resolver alone, and so is found without a name server.
    let gateway = start(&format!(
        "{ADMIN}upstreams:
  - {{name: a, endpoints: '127.1:1', resolve_interval: 1s}}
  - {{name: b, endpoints: 'nowhere.invalid:1', resolve_interval: 1h}}
  - {{name: c, endpoints: '127.0.0.1:1'}}"
    ))
    .await;
    let name = |upstream: &str, result: &str| {
        format!("loom_upstream_lookups_total{{upstream=\"{upstream}\",result=\"{result}\"}}")
    };
    let series = eventually(admin(&gateway), &name("a", "found"), 3.0).await;
    for (upstream, result, count) in [
        ("a", "failed", 0.0),
        ("b", "found", 0.0),
        ("b", "failed", 1.0),
        ("c", "found", 0.0),
        ("c", "failed", 0.0),
    ] {
        assert_eq!(
            series[&name(upstream, result)],
            count,
            "{upstream}: {result}"
        );
    }
    let page = json(admin(&gateway), "/upstreams").await;
    assert_eq!(page["upstreams"][1]["lookups"]["failed"], 1, "{page}");
}

#[tokio::test]
async fn calls_of_a_plugin_are_measured_by_callback() {
    let gateway = start(&format!(
        "{ADMIN}plugins: [{{name: header, path: '{}', instances: 1}}]
routes: [{{id: all, path: '/*', upstream: a, plugins: [header]}}]
upstreams: [{{name: a, builtin: echo}}]",
        add_header().display()
    ))
    .await;
    // One callback of seventeen is measured: after so many requests each had its turn.
    for _ in 0..17 {
        get(&gateway).await;
    }
    let name = |kind: &str, callback: &str| {
        format!("loom_plugin_call_seconds_{kind}{{plugin=\"header\",callback=\"{callback}\"}}")
    };
    let series = metrics(admin(&gateway)).await;
    for callback in ["proxy_on_request_headers", "proxy_on_response_headers"] {
        assert!(series[&name("count", callback)] >= 1.0, "{callback}");
        assert!(series[&name("sum", callback)] > 0.0, "{callback}");
    }
    let measured: f64 = series
        .iter()
        .filter(|(name, _)| name.starts_with("loom_plugin_call_seconds_count"))
        .map(|(_, count)| count)
        .sum();
    let made = series["loom_plugin_callbacks_total{plugin=\"header\"}"];
    assert!(measured <= made / 17.0 + 1.0, "{measured} of {made}");
}
