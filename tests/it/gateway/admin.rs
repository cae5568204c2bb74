//! The admin listener: what it counts, what it shows, and to whom.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use loom_gateway::Running;
use serde_json::Value;

use super::support::{Loom, Raw, Upstream, address, loom, refused_address, start, within};
use crate::built::add_header;
use crate::gateway::keys::shows;

shows! {
    ["admin"]: "token" => a_token_is_asked_for;
    [""]: "error_header" => the_header_that_names_the_cause_can_be_turned_off;
    ["listeners[]", "upstreams[]", "plugins[]"]: "name" or "other" => names_are_those_of_the_file;
    ["routes[]"]: "id" or "other" => names_are_those_of_the_file;
}

pub(super) const ADMIN: &str = "admin: {address: '127.0.0.1:0'}\n";

pub(super) fn admin(gateway: &Running) -> SocketAddr {
    gateway.admin_address().expect("there is one")
}

/// The answer to a request with these headers, which end in a line end each.
async fn ask(admin: SocketAddr, line: &str, headers: &str) -> String {
    let request = format!("{line} HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
    Raw::exchange(admin, &request).await
}

/// The body of a page.
pub(super) async fn page(admin: SocketAddr, path: &str) -> String {
    let answer = ask(admin, &format!("GET {path}"), "host: localhost\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    body.to_owned()
}

pub(super) async fn json(admin: SocketAddr, path: &str) -> Value {
    serde_json::from_str(&page(admin, path).await).expect("JSON")
}

/// The series of a page of metrics, each with its value. Every one belongs to a family with HELP and TYPE.
pub(super) async fn metrics(admin: SocketAddr) -> BTreeMap<String, f64> {
    let page = page(admin, "/metrics").await;
    let mut families = Vec::new();
    let mut series = BTreeMap::new();
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            families.push(help.split(' ').next().unwrap_or_default().to_owned());
        } else if let Some(of_type) = line.strip_prefix("# TYPE ") {
            assert!(
                of_type.starts_with(families.last().expect("HELP comes first")),
                "{line}"
            );
        } else {
            let family = families.last().expect("a family");
            assert!(
                line.starts_with(family.as_str()),
                "{line} is not of {family}"
            );
            let (name, value) = line.rsplit_once(' ').expect("a value");
            let before = series.insert(name.to_owned(), value.parse().expect("a number"));
            assert!(before.is_none(), "{name} is there twice");
        }
    }
    series
}

/// What the series counts; nothing counts as zero.
fn count(series: &BTreeMap<String, f64>, name: &str) -> f64 {
    series.get(name).copied().unwrap_or(0.0)
}

/// The metrics, once this one has this value.
pub(super) async fn eventually(admin: SocketAddr, name: &str, value: f64) -> BTreeMap<String, f64> {
    within(async {
        loop {
            let series = metrics(admin).await;
            if (count(&series, name) - value).abs() < 1e-9 {
                return series;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

async fn get(gateway: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    Raw::exchange(gateway, &request).await
}

#[tokio::test]
async fn requests_are_counted_exactly() {
    let gateway = start(&format!(
        "{ADMIN}plugins: [{{name: header, path: '{}'}}]
routes:
  - {{id: echo, path: '/echo/*', upstream: echo, plugins: [header]}}
  - {{id: dead, path: '/dead', upstream: dead}}
  - {{id: unused, path: '/unused', upstream: echo}}
upstreams: [{{name: echo, builtin: echo}}, {{name: dead, endpoints: ['{}']}}]",
        add_header().display(),
        refused_address().await
    ))
    .await;
    for _ in 0..7 {
        get(address(&gateway), "/echo/a").await;
    }
    for _ in 0..3 {
        let answer = get(address(&gateway), "/dead").await;
        assert!(
            answer.contains("\r\nx-loom-error: upstream_unreachable\r\n"),
            "{answer}"
        );
    }
    let answer = get(address(&gateway), "/nowhere").await;
    assert!(
        answer.contains("\r\nx-loom-error: no_route\r\n"),
        "{answer}"
    );

    // A client has the last byte before the body is dropped.
    let series = eventually(
        admin(&gateway),
        "loom_requests_in_flight{route=\"echo\"}",
        0.0,
    )
    .await;
    for (name, expected) in [
        ("loom_requests_total{route=\"echo\",class=\"2xx\"}", 7.0),
        ("loom_requests_total{route=\"dead\",class=\"5xx\"}", 3.0),
        ("loom_requests_total{route=\"dead\",class=\"2xx\"}", 0.0),
        ("loom_requests_in_flight{route=\"echo\"}", 0.0),
        ("loom_request_duration_seconds_count{route=\"echo\"}", 7.0),
        (
            "loom_request_duration_seconds_bucket{route=\"echo\",le=\"+Inf\"}",
            7.0,
        ),
        ("loom_request_duration_seconds_count{route=\"unused\"}", 0.0),
        (
            "loom_upstream_requests_total{upstream=\"echo\",class=\"2xx\"}",
            7.0,
        ),
        (
            "loom_upstream_requests_total{upstream=\"dead\",class=\"5xx\"}",
            3.0,
        ),
        (
            "loom_upstream_response_seconds_count{upstream=\"dead\"}",
            3.0,
        ),
        ("loom_errors_total{code=\"upstream_unreachable\"}", 3.0),
        ("loom_errors_total{code=\"no_route\"}", 1.0),
        ("loom_errors_total{code=\"plugin_failed\"}", 0.0),
        ("loom_plugin_local_replies_total{plugin=\"header\"}", 0.0),
        (
            "loom_vm_failures_total{vm_id=\"header\",reason=\"trap\"}",
            0.0,
        ),
    ] {
        assert!(series.contains_key(name), "{name} is not in {series:#?}");
        assert!(
            (series[name] - expected).abs() < 1e-9,
            "{name} is {}",
            series[name]
        );
    }
    let callbacks = series["loom_plugin_callbacks_total{plugin=\"header\"}"];
    assert!(callbacks >= 14.0 && callbacks % 7.0 == 0.0, "{callbacks}");
    assert!(series["loom_vm_memory_bytes{vm_id=\"header\"}"] >= 65536.0);
    assert!(series["loom_request_duration_seconds_sum{route=\"echo\"}"] > 0.0);
}

#[tokio::test]
async fn a_request_is_in_flight_until_its_body_has_ended() {
    let upstream = Upstream::bind().await;
    let gateway = start(&format!(
        "{ADMIN}routes: [{{id: all, path: '/*', upstream: a}}]\nupstreams: [{{name: a, endpoints: ['{}']}}]",
        upstream.address()
    ))
    .await;
    let mut client = Raw::connect(address(&gateway)).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut connection = Raw(upstream.accept().await);
    connection.until("\r\n\r\n").await;
    let running = metrics(admin(&gateway)).await;
    assert_eq!(
        count(&running, "loom_requests_in_flight{route=\"all\"}"),
        1.0
    );
    assert_eq!(
        count(&running, "loom_upstream_requests_in_flight{upstream=\"a\"}"),
        1.0
    );
    // The head is out and the body is not.
    connection
        .send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
        .await;
    client.until("ab").await;
    let sending = metrics(admin(&gateway)).await;
    assert_eq!(
        count(&sending, "loom_requests_in_flight{route=\"all\"}"),
        1.0
    );
    assert_eq!(
        count(&sending, "loom_upstream_requests_in_flight{upstream=\"a\"}"),
        0.0
    );
    connection.send("cd").await;
    client.until("cd").await;
    let ended = eventually(
        admin(&gateway),
        "loom_requests_in_flight{route=\"all\"}",
        0.0,
    )
    .await;
    assert_eq!(
        count(&ended, "loom_requests_total{route=\"all\",class=\"2xx\"}"),
        1.0
    );
}

#[tokio::test]
async fn without_a_token_only_this_machine_and_no_web_page_gets_in() {
    let gateway = start(&format!("{ADMIN}routes: []")).await;
    let admin = admin(&gateway);
    for (line, headers, status) in [
        ("GET /config", format!("host: {admin}\r\n"), 200),
        ("GET /config", "host: localhost:9091\r\n".to_owned(), 200),
        ("GET /config", "host: evil.example\r\n".to_owned(), 403),
        (
            "GET /config",
            format!("host: {admin}.evil.example\r\n"),
            403,
        ),
        (
            "POST /log?level=debug",
            "host: evil.example\r\n".to_owned(),
            403,
        ),
        (
            "POST /log?level=debug",
            format!("host: {admin}\r\norigin: http://evil.example\r\n"),
            403,
        ),
        (
            "PUT /log?level=debug",
            format!("host: {admin}\r\norigin: null\r\n"),
            403,
        ),
        // In this process the log is the test's own.
        (
            "POST /log?level=debug",
            format!("host: {admin}\r\norigin: http://{admin}\r\n"),
            409,
        ),
        ("POST /log?level=loud", format!("host: {admin}\r\n"), 400),
        ("POST /config", format!("host: {admin}\r\n"), 405),
        ("GET /healthz", "host: probe.example\r\n".to_owned(), 200),
        ("GET /readyz", "host: probe.example\r\n".to_owned(), 200),
        ("GET /nothing", format!("host: {admin}\r\n"), 404),
    ] {
        let answer = ask(admin, line, &headers).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{line} {headers}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_token_is_asked_for() {
    let gateway =
        start("admin: {address: '127.0.0.1:0', token: 0123456789abcdef}\nroutes: []").await;
    let admin = admin(&gateway);
    for (path, headers, status) in [
        ("/metrics", "host: gateway.example\r\n", 401),
        (
            "/metrics",
            "host: gateway.example\r\nauthorization: Bearer 0123456789abcdee\r\n",
            401,
        ),
        (
            "/metrics",
            "host: gateway.example\r\nauthorization: Bearer 0123456789abcdef\r\n",
            200,
        ),
        ("/healthz", "host: gateway.example\r\n", 200),
        ("/readyz", "host: gateway.example\r\n", 200),
    ] {
        let answer = ask(admin, &format!("GET {path}"), headers).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path} {headers}: {answer}"
        );
    }
}

/// Of what nothing else in the file refers to.
#[tokio::test]
async fn names_are_those_of_the_file() {
    let gateway = start(&format!(
        "{ADMIN}listeners: [{{name: web, address: '127.0.0.1:0'}}]
plugins: [{{name: header, path: '{}', service: true}}]
routes: [{{id: all, path: '/*', respond: 200}}]
upstreams: [{{name: backend, endpoints: '127.0.0.1:1'}}]",
        add_header().display()
    ))
    .await;
    get(address(&gateway), "/").await;
    let series = metrics(admin(&gateway)).await;
    for label in [
        "listener=\"web\"",
        "plugin=\"header\"",
        "route=\"all\"",
        "upstream=\"backend\"",
    ] {
        assert!(
            series.keys().any(|name| name.contains(label)),
            "{label}: {series:?}"
        );
    }
}

#[tokio::test]
async fn what_is_configured_is_shown() {
    let gateway = start(&format!(
        "{ADMIN}plugins: [{{name: header, path: '{}', config: {{password: hunter2}}}}]
routes: [{{id: api, host: '*.example.com', path: [/a, '/b/*'], upstream: backend, plugins: [header]}}]
upstreams: [{{name: backend, endpoints: ['127.0.0.1:1', 'b.internal:2']}}, {{name: echo, builtin: echo}}]",
        add_header().display()
    ))
    .await;
    let admin = admin(&gateway);
    let config = json(admin, "/config").await;
    assert_eq!(config["plugins"][0]["config"]["password"], "(hidden)");
    assert_eq!(config["routes"][0]["host"], "*.example.com");
    let route = &json(admin, "/routes").await["routes"][0];
    assert_eq!(route["id"], "api");
    assert_eq!(route["host"], "*.example.com");
    assert_eq!(route["path"], "/a");
    assert_eq!(route["plugins"][0]["name"], "header");
    assert_eq!(route["upstream"], "backend");
    let upstreams = json(admin, "/upstreams").await;
    assert_eq!(
        upstreams["upstreams"][0]["endpoints"][1]["address"],
        "b.internal:2"
    );
    assert_eq!(upstreams["upstreams"][1]["builtin"], "echo");
    let plugins = json(admin, "/plugins").await;
    assert_eq!(plugins["plugins"][0]["name"], "header");
    assert_eq!(plugins["vms"][0]["vm_id"], "header");
    let index = page(admin, "/").await;
    for path in [
        "metrics",
        "config",
        "plugins",
        "upstreams",
        "routes",
        "healthz",
        "readyz",
        "log",
    ] {
        assert!(
            index.contains(&format!("href=\"/{path}\"")),
            "{path} is not in {index}"
        );
    }
}

#[tokio::test]
async fn readiness_ends_with_the_beginning_of_the_shutdown() {
    let upstream = Upstream::bind().await;
    let gateway = start(&format!(
        "{ADMIN}routes: [{{id: all, path: '/*', upstream: a}}]\nupstreams: [{{name: a, endpoints: ['{}']}}]",
        upstream.address()
    ))
    .await;
    let admin = admin(&gateway);
    assert_eq!(page(admin, "/readyz").await, "ok\n");
    let mut client = Raw::connect(address(&gateway)).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut connection = Raw(upstream.accept().await);
    connection.until("\r\n\r\n").await;
    let shutdown = tokio::spawn(gateway.shutdown());
    // It waits for the request, and the admin listener goes on telling.
    let answer = loop {
        let answer = ask(admin, "GET /readyz", "host: a\r\n").await;
        if !answer.starts_with("HTTP/1.1 200 ") {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        ask(admin, "GET /healthz", "host: a\r\n")
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    connection
        .send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .await;
    within(shutdown).await.expect("no panic");
}

#[tokio::test]
async fn the_header_that_names_the_cause_can_be_turned_off() {
    let gateway = start("error_header: false\nroutes: []").await;
    let answer = get(address(&gateway), "/").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(!answer.contains("x-loom-error"), "{answer}");
}

#[tokio::test]
async fn the_level_of_the_log_changes_while_it_runs() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(
        directory.path().join("loom.yaml"),
        "listeners: [{name: web, address: '127.0.0.1:0'}]\nroutes: [{id: all, path: '/*', upstream: echo}]\nupstreams: [{name: echo, builtin: echo}]\nadmin: {address: '127.0.0.1:0'}\n",
    )
    .expect("a file");
    let mut loom = Loom::start(directory.path(), &[]);
    let web = loom.address().await;
    let line = loom.line("admin listens").await;
    let admin = line.split_once("address=").expect("an address").1;
    let admin = admin.trim().parse().expect("an address");
    assert_eq!(json(admin, "/log").await["level"], "info");
    get(web, "/unheard").await;
    let answer = ask(admin, "PUT /log?level=debug", "host: localhost\r\n").await;
    assert!(answer.contains("\"level\": \"debug\""), "{answer}");
    get(web, "/heard").await;
    let line = loom.line("loom::access").await;
    assert!(line.contains("/heard"), "{line}");
}

#[tokio::test]
async fn a_program_tells_whether_it_is_ready() {
    let gateway = start(&format!("{ADMIN}routes: []")).await;
    let directory = tempfile::tempdir().expect("a directory");
    let health = async |admin: SocketAddr| {
        let yaml = format!(
            "admin: {{address: '0.0.0.0:{}', token: 0123456789abcdef}}",
            admin.port()
        );
        std::fs::write(directory.path().join("loom.yaml"), yaml).expect("a file");
        let directory = directory.path().to_owned();
        let asked = tokio::task::spawn_blocking(move || loom(&directory, &["health"]));
        asked.await.expect("no panic").status.code()
    };
    assert_eq!(health(admin(&gateway)).await, Some(0));
    assert_eq!(health(refused_address().await).await, Some(1));
}

#[tokio::test]
async fn a_reload_is_asked_for_and_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |route: &str| {
        let yaml = format!(
            "listeners: [{{name: web, address: '127.0.0.1:0'}}]\nroutes: [{{id: {route}, path: '/{route}', upstream: echo}}]\nupstreams: [{{name: echo, builtin: echo}}]\nadmin: {{address: '127.0.0.1:0'}}\n"
        );
        std::fs::write(directory.path().join("loom.yaml"), yaml).expect("a file");
    };
    write("first");
    let mut loom = Loom::start(directory.path(), &[]);
    let web = loom.address().await;
    let line = loom.line("admin listens").await;
    let admin = line.split_once("address=").expect("an address").1;
    let admin = admin.trim().parse().expect("an address");
    get(web, "/first").await;
    write("second");
    let answer = ask(admin, "POST /reload", "host: localhost\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(json(admin, "/routes").await["routes"][0]["id"], "second");
    assert!(get(web, "/second").await.starts_with("HTTP/1.1 200 "));
    write("a b");
    let answer = ask(admin, "POST /reload", "host: localhost\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 409 "), "{answer}");
    assert!(answer.contains("routes[0].id"), "{answer}");
    assert!(get(web, "/second").await.starts_with("HTTP/1.1 200 "));
    let name = "loom_requests_total{route=\"second\",class=\"2xx\"}";
    let series = eventually(admin, name, 2.0).await;
    assert_eq!(
        count(&series, "loom_reloads_total{result=\"success\"}"),
        1.0
    );
    assert_eq!(
        count(&series, "loom_reloads_total{result=\"refused\"}"),
        1.0
    );
}
