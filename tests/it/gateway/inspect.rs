//! `loom routes`, `loom route` and `loom schema`: what a configuration does with requests, asked of the program.

use std::fs;
use std::process::Output;

use loom_gateway::Gateway;
use serde_json::Value;

use super::support::{Raw, loom, parse};

/// None of its plugins is there.
const CONFIG: &str = r#"
listeners:
  - {name: web, address: "127.0.0.1:0"}
  - {name: internal, address: "127.0.0.1:0"}
plugins:
  - {name: auth, path: gone/auth.wasm, priority: 100}
  - {name: limit, path: gone/limit.wasm}
  - {name: log, path: gone/log.wasm}
defaults: {plugins: [log]}
routes:
  - {id: rest, path: /*, upstream: echo}
  - id: api
    host: api.example.com
    path: /api/*
    methods: [GET, HEAD]
    plugins: [limit, auth]
    upstream: backend
    strip_prefix: /api
    host_header: {set: backend.internal}
  - {id: canary, host: "*.example.com", path: /api/*, headers: {name: x-canary, exact: "1"}, upstream: echo}
  - {id: user, path: "/users/{id}", rewrite: "/accounts/{id}", upstream: backend}
  - {id: metrics, path: /metrics, listeners: internal, respond: 200}
  - {id: old, path: "/old/{id}", redirect: {to: "https://new.example.com/{id}", status: 301}}
  - {id: debug, path: /debug, query: {name: key, exact: "a b"}, respond: 204}
upstreams:
  - {name: echo, builtin: echo}
  - {name: backend, endpoints: [10.0.0.1:3000, "[::1]:3000"]}
"#;

fn run(arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("loom.yaml"), CONFIG).expect("a file");
    loom(directory.path(), arguments)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What `loom route` says, and its exit code.
fn route(arguments: &[&str]) -> (Value, Option<i32>) {
    let output = run(&[&["route", "--json"], arguments].concat());
    let json = serde_json::from_slice(&output.stdout);
    let error = || String::from_utf8_lossy(&output.stderr).into_owned();
    (
        json.unwrap_or_else(|_| panic!("{}", error())),
        output.status.code(),
    )
}

/// The reason for which the route of this id does not take the request.
fn because(decision: &Value, id: &str) -> String {
    let others = decision["others"].as_array().expect("a list");
    let other = others.iter().find(|other| other["route"] == id);
    let other = other.unwrap_or_else(|| panic!("{id}: {decision:#}"));
    other["because"].as_str().expect("words").to_owned()
}

#[test]
fn routes_stand_in_the_order_in_which_they_are_asked() {
    let output = run(&["routes", "--json"]);
    let table: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rows = table["routes"].as_array().expect("a list");
    let ids: Vec<_> = rows
        .iter()
        .map(|row| row["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(
        ids,
        ["api", "canary", "debug", "metrics", "old", "user", "rest"]
    );
    let plugins = rows[0]["plugins"].as_array().expect("a list");
    let plugins: Vec<_> = plugins
        .iter()
        .map(|one| {
            (
                one["name"].as_str(),
                one["priority"].as_i64(),
                one["inherited"].as_bool(),
            )
        })
        .collect();
    let expected = [("auth", 100, false), ("log", 0, true), ("limit", 0, false)];
    let expected =
        expected.map(|(name, priority, inherited)| (Some(name), Some(priority), Some(inherited)));
    assert_eq!(plugins, expected);
    assert_eq!(rows[0]["conditions"][0], "GET|HEAD");
    let steps = rows[0]["steps"].as_array().expect("a list").iter();
    let keys: Vec<_> = steps.map(|step| step["key"].as_str()).collect();
    let expected = ["plugins", "strip_prefix", "host_header"];
    assert_eq!(keys, expected.map(Some));
    assert_eq!(table["listeners"][1]["name"], "internal");
    assert_eq!(table["listeners"][1]["speaks"], "http");

    let text = said(&run(&["routes"]));
    let lines: Vec<_> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for line in [
        "web 127.0.0.1:0 http",
        "HOST PATH CONDITIONS ROUTE LISTENERS ACTION",
        "api.example.com /api/* GET|HEAD api all upstream backend",
        "plugins [auth, log, limit], strip_prefix, host_header",
        "*.example.com /api/* header x-canary = \"1\" canary all upstream echo",
        "* /metrics - metrics internal respond 200",
    ] {
        assert!(
            lines.iter().any(|one| one == line),
            "{line} is not in {text}"
        );
    }
}

#[test]
fn a_request_s_way_is_told_with_what_the_upstream_gets() {
    let (decision, code) = route(&["GET", "http://api.example.com//api/./items?page=2"]);
    assert_eq!(code, Some(0));
    assert_eq!(decision["route"], "api");
    assert_eq!(decision["request"]["target"], "/api/items?page=2");
    assert_eq!(decision["sent"]["target"], "/items?page=2");
    assert_eq!(decision["sent"]["host"], "backend.internal");
    assert_eq!(decision["upstream"], "backend");

    let (decision, _) = route(&["GET", "/users/7?x"]);
    assert_eq!(decision["sent"]["target"], "/accounts/7?x");
    let (decision, _) = route(&["GET", "/old/7"]);
    assert_eq!(
        decision["answered"]["location"],
        "https://new.example.com/7"
    );
    assert_eq!(decision["answered"]["status"], 301);

    let text = said(&run(&["route", "GET", "http://api.example.com/api/items"]));
    for line in [
        "1. auth (priority 100)",
        "2. log (priority 0, of defaults)",
        "backend (10.0.0.1:3000, [::1]:3000)",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn other_routes_say_why_they_do_not_take_it() {
    let (decision, _) = route(&["POST", "/api/x", "-H", "host: api.example.com"]);
    assert_eq!(decision["route"], "rest");
    assert_eq!(
        because(&decision, "api"),
        "another method: it takes GET|HEAD"
    );
    assert_eq!(
        because(&decision, "canary"),
        "it asks for the header x-canary = \"1\""
    );
    assert_eq!(
        because(&decision, "user"),
        "another path: it takes /users/{id}"
    );

    let (decision, _) = route(&["GET", "/debug?key=a", "-H", "host: other"]);
    assert_eq!(
        because(&decision, "debug"),
        "it asks for the query key = \"a b\""
    );
    assert_eq!(
        because(&decision, "api"),
        "another host: it takes api.example.com"
    );

    let (decision, _) = route(&[
        "GET",
        "/api/x",
        "-H",
        "host: api.example.com",
        "-H",
        "x-canary: 1",
    ]);
    assert_eq!(
        because(&decision, "canary"),
        "it fits, but later: host api.example.com is closer than *.example.com"
    );
    let (decision, _) = route(&["GET", "/users/1"]);
    assert_eq!(
        because(&decision, "rest"),
        "it fits, but later: path /users/{id} (with parameters) is closer than /* (prefix)"
    );
}

#[test]
fn a_listener_has_its_own_routes() {
    let (decision, _) = route(&["GET", "/metrics"]);
    assert_eq!(
        (&decision["listener"], &decision["route"]),
        (&"web".into(), &"rest".into())
    );
    let (decision, _) = route(&["GET", "/metrics", "--listener", "internal"]);
    assert_eq!(decision["route"], "metrics");
    let output = run(&["route", "GET", "/", "--listener", "other"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("web, internal"), "{error}");
}

#[test]
fn the_exit_code_says_whether_a_route_takes_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let yaml = "routes: [{id: a, path: /a, respond: 200}]";
    fs::write(directory.path().join("loom.yaml"), yaml).expect("a file");
    let code = |arguments: &[&str]| loom(directory.path(), arguments).status.code();
    assert_eq!(code(&["route", "GET", "/a"]), Some(0));
    assert_eq!(code(&["route", "GET", "/b"]), Some(3));
    assert_eq!(code(&["route", "GET", "/a", "-H", "host: a b"]), Some(3));
    assert_eq!(code(&["route", "GET", "a b"]), Some(1));
    assert_eq!(code(&["route", "GET", "/a", "-H", "nothing"]), Some(1));
    assert_eq!(code(&["route", "GET"]), Some(2));
}

/// Whatever `loom route` says, the gateway does.
#[tokio::test]
async fn it_says_what_the_gateway_does() {
    let yaml = "
listeners: [{name: web, address: '127.0.0.1:0'}]
routes:
  - {id: exact, path: /a, upstream: echo, response_headers: {set: {x-route: exact}}}
  - {id: post, path: /a, methods: POST, upstream: echo, response_headers: {set: {x-route: post}}}
  - {id: template, path: '/{x}', upstream: echo, response_headers: {set: {x-route: template}}}
  - {id: below, path: '/{x}/*', upstream: echo, strip_prefix: /a, response_headers: {set: {x-route: below}}}
  - {id: prefix, path: /a/*, host: h, upstream: echo, response_headers: {set: {x-route: prefix}}}
  - {id: regex, path: {regex: '/.*z'}, upstream: echo, response_headers: {set: {x-route: regex}}}
upstreams: [{name: echo, builtin: echo}]
";
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("loom.yaml"), yaml).expect("a file");
    let config = parse("loom.yaml", yaml).expect("valid");
    let gateway = Gateway::start(config).await.expect("a gateway");
    let address = gateway.addresses()[0].1;
    for (method, host, target) in [
        ("GET", "h", "/a"),
        ("POST", "g", "/a"),
        ("GET", "g", "/b?q"),
        ("GET", "g", "/a/b/c"),
        ("GET", "h", "/a/../a/%62"),
        ("GET", "g", "//z"),
        ("GET", "g", "/"),
    ] {
        let request =
            format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = Raw::exchange(address, &request).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
        let taken = head
            .split("x-route: ")
            .nth(1)
            .and_then(|rest| rest.lines().next());
        let header = format!("host: {host}");
        let arguments = ["route", "--json", method, target, "-H", &header];
        let output = loom(directory.path(), &arguments);
        let decision: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(
            decision["route"].as_str(),
            taken,
            "{method} {host} {target}: {decision:#}"
        );
        if taken.is_some() {
            let seen: Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(decision["sent"]["target"], seen["path"], "{target}");
        }
    }
}

#[test]
fn the_schema_is_the_one_that_files_are_checked_with() {
    let output = run(&["schema"]);
    let schema: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(schema, loom_config::schema());
}
