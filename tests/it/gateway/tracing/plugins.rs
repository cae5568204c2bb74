//! The spans of plugins and of the calls that they make.

use std::net::SocketAddr;

use http::Response;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::super::support::{Raw, Upstream, address, full, start};
use super::collector::{Collector, attribute, traceparent};
use super::{PARENT, TRACE, teller, told};
use crate::built::{self, add_header};

/// A server for authorization that says yes, and tells who asked.
async fn authorizer() -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let (sender, asked) = tokio::sync::mpsc::unbounded_channel();
    let server = Upstream::bind().await.serve(move |request| {
        let parent = request.headers()["traceparent"].to_str().expect("ASCII");
        let _ = sender.send(parent.to_owned());
        async { Response::new(full("")) }
    });
    (server, asked)
}

#[tokio::test]
async fn each_callback_of_a_plugin_is_a_span_below_the_request_s() {
    let (collector, upstream) = (Collector::start().await, teller().await);
    let routes = format!(
        "plugins: [{{name: header, path: '{}'}}]
routes: [{{id: all, path: '/*', upstream: backend, plugins: [header]}}]
upstreams: [{{name: backend, endpoints: ['{upstream}']}}]",
        add_header().display()
    );
    let gateway = start(&(collector.section("") + &routes)).await;
    told(address(&gateway), "").await;
    let seen = collector.after(gateway).await;
    let server = seen.only("GET /*");
    for callback in ["request_headers", "response_headers"] {
        let span = seen.only(&format!("header on_{callback}"));
        assert_eq!(span.kind(), SpanKind::Internal);
        assert_eq!(span.parent_span_id, server.span_id);
        assert_eq!(span.trace_id, server.trace_id);
        for (key, value) in [
            ("loom.plugin", "header"),
            ("loom.callback", &format!("proxy_on_{callback}")),
            ("loom.outcome", "continue"),
        ] {
            assert_eq!(attribute(&span.attributes, key), value, "{key}");
        }
        assert!(server.start_time_unix_nano <= span.start_time_unix_nano);
        assert!(span.end_time_unix_nano <= server.end_time_unix_nano);
    }
    let (attempt, before) = (seen.only("GET"), seen.only("header on_request_headers"));
    assert!(before.end_time_unix_nano <= attempt.end_time_unix_nano);
}

#[tokio::test]
async fn a_call_of_a_plugin_is_a_span_and_its_server_is_told_of_it() {
    let Some(plugin) = built::plugin("auth-callout") else {
        return;
    };
    let (server, mut asked) = authorizer().await;
    let (collector, upstream) = (Collector::start().await, teller().await);
    let routes = format!(
        "plugins: [{{name: auth, path: '{}', config: {{upstream: auth, path: /verify, timeout_ms: 60000, cache_seconds: 0}}}}]
routes: [{{id: all, path: '/*', upstream: backend, plugins: [auth]}}]
upstreams: [{{name: backend, endpoints: ['{upstream}']}}, {{name: auth, endpoints: ['{server}']}}]",
        plugin.display()
    );
    let gateway = start(&(collector.section("") + &routes)).await;
    let headers = format!("authorization: token\r\ntraceparent: {PARENT}\r\n");
    told(address(&gateway), &headers).await;
    let parent = asked.recv().await.expect("it was asked");
    let seen = collector.after(gateway).await;

    let (phase, call) = (
        seen.only("auth on_request_headers"),
        seen.only("auth calls auth"),
    );
    assert_eq!(attribute(&phase.attributes, "loom.outcome"), "pause");
    assert_eq!(call.kind(), SpanKind::Client);
    assert_eq!(call.parent_span_id, phase.span_id);
    assert_eq!(phase.parent_span_id, seen.only("GET /*").span_id);
    assert_eq!(parent, traceparent(call));
    assert!(parent.starts_with(&format!("00-{TRACE}-")), "{parent}");
    for (key, value) in [
        ("loom.plugin", "auth"),
        ("loom.upstream", "auth"),
        ("http.response.status_code", "200"),
        ("error.type", ""),
    ] {
        assert_eq!(attribute(&call.attributes, key), value, "{key}");
    }
    assert!(
        phase.end_time_unix_nano <= call.end_time_unix_nano,
        "it waits outside"
    );
}

#[tokio::test]
async fn a_plugin_that_fails_is_an_error() {
    let wat = r#"(module
      (memory (export "memory") 1)
      (func (export "malloc") (param i32) (result i32) i32.const 0)
      (func (export "proxy_abi_version_0_2_1"))
      (func (export "proxy_on_context_create") (param i32 i32))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable))"#;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bad.wasm");
    std::fs::write(&file, wat::parse_str(wat).expect("valid")).expect("written");
    let collector = Collector::start().await;
    let routes = format!(
        "plugins: [{{name: bad, path: '{}'}}]
routes: [{{id: all, path: '/*', upstream: echo, plugins: [bad]}}]
upstreams: [{{name: echo, builtin: echo}}]",
        file.display()
    );
    let gateway = start(&(collector.section("") + &routes)).await;
    let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = Raw::exchange(address(&gateway), request).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let seen = collector.after(gateway).await;
    let span = seen.only("bad on_request_headers");
    assert_eq!(attribute(&span.attributes, "error.type"), "plugin_failed");
    let status = span.status.as_ref().expect("a status");
    assert_eq!(status.code(), StatusCode::Error);
}

/// The header is the plugin's own affair then.
#[tokio::test]
async fn without_tracing_nothing_is_added_to_a_call() {
    let Some(plugin) = built::plugin("auth-callout") else {
        return;
    };
    let (sender, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let server = Upstream::bind().await.serve(move |request| {
        let _ = sender.send(request.headers().contains_key("traceparent"));
        async { Response::new(full("")) }
    });
    let gateway = start(&format!(
        "plugins: [{{name: auth, path: '{}', config: {{upstream: auth, path: /verify, timeout_ms: 60000, cache_seconds: 0}}}}]
routes: [{{id: all, path: '/*', upstream: backend, plugins: [auth]}}]
upstreams: [{{name: backend, endpoints: ['{}']}}, {{name: auth, endpoints: ['{server}']}}]",
        plugin.display(),
        teller().await
    ))
    .await;
    told(address(&gateway), "authorization: token\r\n").await;
    assert_eq!(asked.recv().await, Some(false));
}
