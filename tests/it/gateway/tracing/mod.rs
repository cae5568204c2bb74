//! Traces: what becomes of `traceparent`, and the spans that a collector gets.

mod collector;
mod plugins;
mod tls;

use std::net::SocketAddr;

use http::Response;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::support::{Raw, Upstream, address, full, proxy_to, refused_address, start};
use crate::gateway::keys::shows;
use collector::{Collector, attribute, traceparent};

shows! {
    ["tracing"]: "otlp_endpoint" or "http://127.0.0.1:1", "service_name" => a_request_of_a_trace_goes_on_in_it;
    ["tracing"]: "sample" => a_request_that_is_not_recorded_says_so;
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// An upstream that says which headers of a trace it got.
async fn teller() -> SocketAddr {
    Upstream::bind().await.serve(|request| async move {
        let all = |name: &str| {
            let values = request.headers().get_all(name).iter();
            let values = values.map(|value| value.to_str().expect("ASCII").to_owned());
            values.collect::<Vec<_>>().join(",")
        };
        let told = format!("<{}|{}>", all("traceparent"), all("tracestate"));
        Response::new(full(told))
    })
}

/// What the upstream was told for a request with these headers.
async fn told(gateway: SocketAddr, headers: &str) -> (String, String) {
    let request = format!(
        "GET /a/b?token=secret HTTP/1.1\r\nhost: example.com:81\r\nuser-agent: test\r\n{headers}connection: close\r\n\r\n"
    );
    let answer = Raw::exchange(gateway, &request).await;
    let told = answer
        .split_once('<')
        .and_then(|(_, told)| told.split_once('>'));
    let (parent, state) = told
        .and_then(|(told, _)| told.split_once('|'))
        .unwrap_or_else(|| panic!("{answer}"));
    (parent.to_owned(), state.to_owned())
}

#[tokio::test]
async fn a_request_of_a_trace_goes_on_in_it() {
    let (collector, upstream) = (Collector::start().await, teller().await);
    let routes = format!(
        "routes: [{{id: api, path: '/a/*', upstream: backend}}]\nupstreams: [{{name: backend, endpoints: ['{upstream}']}}]"
    );
    let gateway = start(&(collector.section(", service_name: edge") + &routes)).await;
    let headers = format!("traceparent: {PARENT}\r\ntracestate: a=1\r\ntracestate: b=2\r\n");
    let (parent, state) = told(address(&gateway), &headers).await;
    let seen = collector.after(gateway).await;

    assert_eq!(attribute(&seen.resource, "service.name"), "edge");
    assert_eq!(seen.spans.len(), 2, "{:#?}", seen.spans);
    let (server, client) = (seen.only("GET /a/*"), seen.only("GET"));
    assert_eq!(server.kind(), SpanKind::Server);
    assert_eq!(client.kind(), SpanKind::Client);
    // Each is the child of the one before it, and the upstream of the last.
    assert!(traceparent(server).starts_with(&format!("00-{TRACE}-")));
    assert_eq!(
        server.parent_span_id,
        [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]
    );
    assert_eq!(server.trace_state, "a=1,b=2");
    assert_eq!(client.parent_span_id, server.span_id);
    assert_eq!((parent, &*state), (traceparent(client), "a=1,b=2"));
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("http.route", "/a/*"),
        ("loom.route", "api"),
        ("url.scheme", "http"),
        ("url.path", "/a/b"),
        ("server.address", "example.com"),
        ("server.port", "81"),
        ("client.address", "127.0.0.1"),
        ("network.peer.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("user_agent.original", "test"),
        ("error.type", ""),
    ] {
        assert_eq!(attribute(&server.attributes, key), value, "{key}");
    }
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("url.full", &format!("http://{upstream}/a/b")),
        ("server.address", "127.0.0.1"),
        ("server.port", &upstream.port().to_string()),
        ("network.peer.address", "127.0.0.1"),
        ("network.peer.port", &upstream.port().to_string()),
        ("loom.upstream", "backend"),
        ("http.request.resend_count", ""),
    ] {
        assert_eq!(attribute(&client.attributes, key), value, "{key}");
    }
    let all = format!("{:?}", seen.spans);
    assert!(!all.contains("secret"), "a query is nobody's business");
    assert!(server.start_time_unix_nano <= client.start_time_unix_nano);
    assert!(client.end_time_unix_nano <= server.end_time_unix_nano);
}

#[tokio::test]
async fn without_a_valid_parent_a_trace_begins() {
    let (collector, upstream) = (Collector::start().await, teller().await);
    let gateway = start(&(collector.section("") + &proxy_to(&[upstream]))).await;
    let mut parents = Vec::new();
    for header in [
        "",
        "traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01\r\n",
        "traceparent: ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
    ] {
        let headers = format!("{header}tracestate: a=1\r\n");
        let (parent, state) = told(address(&gateway), &headers).await;
        assert_eq!(state, "", "it belongs to no trace");
        assert!(!parent.contains(TRACE), "{parent}");
        parents.push(parent);
    }
    let seen = collector.after(gateway).await;
    let servers = seen.all("GET /*");
    let clients = seen.all("GET");
    assert_eq!((servers.len(), clients.len()), (3, 3));
    let mut traces = Vec::new();
    for ((server, client), parent) in servers.into_iter().zip(clients).zip(parents) {
        assert!(server.parent_span_id.is_empty(), "{server:?}");
        assert_eq!(client.parent_span_id, server.span_id);
        assert_eq!(parent, traceparent(client));
        traces.push(&server.trace_id);
    }
    traces.dedup();
    assert_eq!(traces.len(), 3, "each has its own");
}

#[tokio::test]
async fn a_request_that_is_not_recorded_says_so() {
    let (collector, upstream) = (Collector::start().await, teller().await);
    let gateway = start(&(collector.section(", sample: 0%") + &proxy_to(&[upstream]))).await;
    let (fresh, _) = told(address(&gateway), "").await;
    assert!(fresh.ends_with("-00"), "{fresh}");
    let unsampled = PARENT.replace("-01", "-00");
    let headers = format!("traceparent: {unsampled}\r\ntracestate: a=1\r\n");
    let (parent, state) = told(address(&gateway), &headers).await;
    assert!(
        parent.starts_with(&format!("00-{TRACE}-")) && parent.ends_with("-00"),
        "{parent}"
    );
    assert_ne!(parent, unsampled, "it passed the gateway");
    assert_eq!(state, "a=1");
    // A parent that is recorded is, whatever the part of new traces.
    let (recorded, _) = told(address(&gateway), &format!("traceparent: {PARENT}\r\n")).await;
    let seen = collector.after(gateway).await;
    assert_eq!(seen.spans.len(), 2, "{:#?}", seen.spans);
    assert_eq!(traceparent(seen.only("GET")), recorded);
}

#[tokio::test]
async fn without_tracing_the_headers_are_passed_on_as_they_are() {
    let gateway = start(&proxy_to(&[teller().await])).await;
    let headers = "traceparent: anything\r\ntracestate: a=1\r\n";
    let (parent, state) = told(address(&gateway), headers).await;
    assert_eq!((&*parent, &*state), ("anything", "a=1"));
}

#[tokio::test]
async fn each_attempt_is_a_span() {
    let (collector, upstream, dead) = (
        Collector::start().await,
        teller().await,
        refused_address().await,
    );
    let routes = format!(
        "routes: [{{id: all, path: '/*', upstream: a, retry: {{attempts: 2, when: [connect_failure], back_off: 1ms}}}}]\nupstreams: [{{name: a, endpoints: ['{dead}', '{upstream}']}}]"
    );
    let gateway = start(&(collector.section("") + &routes)).await;
    let (parent, _) = told(address(&gateway), "").await;
    let seen = collector.after(gateway).await;
    let (server, attempts) = (seen.only("GET /*"), seen.all("GET"));
    let [first, second] = attempts[..] else {
        panic!("{attempts:#?}")
    };
    let error = |key| attribute(&first.attributes, key);
    assert_eq!(error("error.type"), "upstream_unreachable");
    assert_eq!(error("server.port"), dead.port().to_string());
    assert_eq!(
        first.status.as_ref().expect("a status").code(),
        StatusCode::Error
    );
    assert_eq!(
        attribute(&second.attributes, "http.request.resend_count"),
        "1"
    );
    assert_eq!(parent, traceparent(second));
    assert!(
        attempts
            .iter()
            .all(|attempt| attempt.parent_span_id == server.span_id)
    );
    let status = server.status.clone().unwrap_or_default();
    assert_ne!(status.code(), StatusCode::Error, "it was served");
}

#[tokio::test]
async fn a_span_says_what_failed() {
    let collector = Collector::start().await;
    let silent = Upstream::bind().await;
    let routes = format!(
        "routes:\n  - {{id: slow, path: /slow, upstream: silent, timeout: 50ms}}\n  - {{id: left, path: /left, upstream: silent}}\nupstreams: [{{name: silent, endpoints: ['{}']}}]",
        silent.address()
    );
    let gateway = start(&(collector.section("") + &routes)).await;
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let slow = Raw::exchange(address(&gateway), &ask("/slow")).await;
    assert!(slow.starts_with("HTTP/1.1 504"), "{slow}");
    let unknown = Raw::exchange(address(&gateway), &ask("/nowhere")).await;
    assert!(unknown.starts_with("HTTP/1.1 404"), "{unknown}");
    drop(silent.accept().await);
    let mut client = Raw::connect(address(&gateway)).await;
    client.send(ask("/left")).await;
    let connection = silent.accept().await;
    drop((client, connection));
    let seen = collector.after(gateway).await;

    let slow = seen.only("GET /slow");
    assert_eq!(attribute(&slow.attributes, "error.type"), "route_timeout");
    assert_eq!(
        slow.status.as_ref().expect("a status").code(),
        StatusCode::Error
    );
    let is_below = |span: &&Span| span.parent_span_id == slow.span_id;
    let attempt = seen.spans.iter().find(is_below).expect("an attempt");
    assert_eq!(attribute(&attempt.attributes, "error.type"), "cancelled");
    let is_unknown = |span: &&Span| attribute(&span.attributes, "url.path") == "/nowhere";
    let unknown = seen.spans.iter().find(is_unknown).expect("a span");
    assert_eq!(
        (&*unknown.name, attribute(&unknown.attributes, "http.route")),
        ("GET", String::new())
    );
    assert_eq!(attribute(&unknown.attributes, "error.type"), "no_route");
    let left = seen.only("GET /left");
    assert_ne!(attribute(&left.attributes, "error.type"), "");
}

#[tokio::test]
async fn a_collector_that_is_gone_costs_no_request_anything() {
    let (dead, upstream) = (refused_address().await, teller().await);
    let section = format!("tracing: {{otlp_endpoint: 'http://{dead}'}}\n");
    let gateway = start(&(section + &proxy_to(&[upstream]))).await;
    for _ in 0..20 {
        assert!(told(address(&gateway), "").await.0.ends_with("-01"));
    }
    super::support::within(gateway.shutdown()).await;
}

#[tokio::test]
async fn the_access_log_names_the_trace() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("access.log");
    let (collector, upstream) = (Collector::start().await, teller().await);
    let section = format!(
        "access_log: {{path: '{}', format: text, fields: [trace_id]}}\n{}",
        log.display(),
        collector.section("")
    );
    let gateway = start(&(section + &proxy_to(&[upstream]))).await;
    let (parent, _) = told(address(&gateway), "").await;
    drop(collector.after(gateway).await);
    let trace = parent.split('-').nth(1).expect("a trace");
    let line = std::fs::read_to_string(log).expect("a line");
    assert_eq!(line, format!("trace_id={trace}\n"));
}
