//! The access log: a line for each request, whatever became of it.

use std::path::Path;

use serde_json::Value;

use super::support::{Raw, Upstream, address, full, refused_address, start};
use crate::gateway::keys::shows;
use crate::layer::zoo::wasm;

shows! {
    ["access_log"]: "path", "format", "fields" => a_line_has_the_chosen_fields_in_their_order;
}

/// The lines of a file, once there are as many.
async fn lines(path: &Path, count: usize) -> Vec<String> {
    super::support::within(async {
        loop {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if text.ends_with('\n') && text.lines().count() >= count {
                break text.lines().map(str::to_owned).collect();
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

pub(super) async fn json(path: &Path, count: usize) -> Vec<Value> {
    let lines = lines(path, count).await;
    let lines = lines.iter().map(|line| serde_json::from_str(line));
    lines.collect::<Result<_, _>>().expect("JSON")
}

async fn get(gateway: std::net::SocketAddr, path: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: a\r\nx-phase: b\r\nuser-agent: test\r\nconnection: close\r\n\r\n"
    );
    Raw::exchange(gateway, &request).await
}

#[tokio::test]
async fn each_cause_has_its_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("access.log");
    let module = |name: &str, body: &str| {
        let path = directory.path().join(format!("{name}.wasm"));
        std::fs::write(&path, wasm(body)).expect("written");
        path.display().to_string()
    };
    let served = Upstream::bind().await.say("hello");
    let silent = Upstream::bind().await;
    let gateway = start(&format!(
        "access_log: {{path: '{}'}}
plugins:
  - {{name: refuses, path: '{}'}}
  - {{name: traps, path: '{}'}}
routes:
  - {{id: served, path: '/served', upstream: served}}
  - {{id: dead, path: '/dead', upstream: dead}}
  - {{id: slow, path: '/slow', upstream: silent, timeout: 50ms}}
  - {{id: refused, path: '/refused', upstream: served, plugins: [refuses]}}
  - {{id: trapped, path: '/trapped', upstream: served, plugins: [traps]}}
upstreams:
  - {{name: served, endpoints: ['{served}']}}
  - {{name: dead, endpoints: ['{}']}}
  - {{name: silent, endpoints: ['{}']}}",
        log.display(),
        module("refuses", "(call $reply (i32.const 403)) (i32.const 1)"),
        module("traps", "unreachable"),
        refused_address().await,
        silent.address(),
    ))
    .await;
    let paths = [
        "/served?secret=1",
        "/dead",
        "/slow",
        "/refused",
        "/trapped",
        "/nowhere",
    ];
    let mut answers = Vec::new();
    for path in paths {
        answers.push(get(address(&gateway), path).await);
    }
    let lines = json(&log, paths.len()).await;
    let of = |path: &str| {
        let line = lines.iter().find(|line| line["path"] == path);
        line.unwrap_or_else(|| panic!("{path} is not in {lines:#?}"))
    };
    for (path, status, error, plugin) in [
        ("/served", 200, None, None),
        ("/dead", 502, Some("upstream_unreachable"), None),
        ("/slow", 504, Some("route_timeout"), None),
        ("/refused", 403, None, Some("refuses")),
        ("/trapped", 503, Some("plugin_failed"), Some("traps")),
        ("/nowhere", 404, Some("no_route"), None),
    ] {
        let line = of(path);
        assert_eq!(line["status"], status, "{line}");
        assert_eq!(line["error"].as_str(), error, "{line}");
        assert_eq!(line["plugin"].as_str(), plugin, "{line}");
        let answer = answers
            .iter()
            .zip(paths)
            .find(|(_, sent)| sent.starts_with(path));
        let header = error.map(|code| format!("\r\nx-loom-error: {code}\r\n"));
        let answer = answer.expect("it was asked").0;
        assert!(
            header.is_none_or(|header| answer.contains(&header)),
            "{answer}"
        );
    }
    let line = of("/served");
    assert_eq!(
        (&line["route"], &line["upstream"]),
        (&"served".into(), &"served".into())
    );
    assert_eq!(line["endpoint"], served.to_string());
    assert_eq!(
        (&line["attempts"], &line["bytes_out"]),
        (&1.into(), &5.into())
    );
    assert_eq!(
        (&line["method"], &line["host"]),
        (&"GET".into(), &"a".into())
    );
    assert_eq!(
        (&line["client"], &line["user_agent"]),
        (&"127.0.0.1".into(), &"test".into())
    );
    assert_eq!(
        (&line["complete"], &line["query"]),
        (&true.into(), &Value::Null)
    );
    assert!(line["duration_ms"].as_f64().expect("a number") > 0.0);
    assert!(line["time"].as_str().expect("a time").ends_with('Z'));
    let id = line["request_id"].as_str().expect("an id");
    assert!(
        answers[0].contains(&format!("x-request-id: {id}\r\n")),
        "{}",
        answers[0]
    );
    assert!(of("/nowhere")["route"].is_null());
}

#[tokio::test]
async fn a_line_has_the_chosen_fields_in_their_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("access.log");
    let upstream = Upstream::bind().await.serve(|request| async move {
        http_body_util::BodyExt::collect(request.into_body())
            .await
            .expect("a whole body");
        http::Response::new(full("abc"))
    });
    let gateway = start(&format!(
        "access_log: {{path: '{}', format: text, fields: [status, query, bytes_in, bytes_out, trace_id, plugin]}}
routes: [{{id: all, path: '/*', upstream: a}}]\nupstreams: [{{name: a, endpoints: ['{upstream}']}}]",
        log.display()
    ))
    .await;
    let request = "POST /a?b=c HTTP/1.1\r\nhost: a\r\ncontent-length: 7\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nconnection: close\r\n\r\n1234567";
    Raw::exchange(address(&gateway), request).await;
    let expected =
        "status=200 query=\"b=c\" bytes_in=7 bytes_out=3 trace_id=0af7651916cd43dd8448eb211c80319c";
    assert_eq!(lines(&log, 1).await, [expected]);
}

#[tokio::test]
async fn a_client_that_goes_away_is_told_of() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("access.log");
    let upstream = Upstream::bind().await;
    let gateway = start(&format!(
        "access_log: {{path: '{}'}}
routes: [{{id: all, path: '/*', upstream: a}}]\nupstreams: [{{name: a, endpoints: ['{}']}}]",
        log.display(),
        upstream.address()
    ))
    .await;
    let mut client = Raw::connect(address(&gateway)).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let _connection = upstream.accept().await;
    drop(client);
    let line = &json(&log, 1).await[0];
    assert_eq!(
        (&line["complete"], &line["status"]),
        (&false.into(), &Value::Null)
    );
}
