//! Responses without an end, and answers that take their time: events, long polls, and clients that have had enough.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::{Raw, Upstream, address, http1, http2, read_head, start, within};
use crate::layer::Guest;

/// The plugins that a stream has to get through.
fn plugins() -> [(&'static str, Option<Guest>); 3] {
    let head = Guest::new().on_response(r#"(call $set (i32.const 2) @"x-plugin" @"1")"#);
    let body = head.clone().on("proxy_on_response_body", "(i32.const 0)");
    [
        ("no plugin", None),
        ("one that looks at headers", Some(head)),
        ("one that reads bodies as they come", Some(body)),
    ]
}

/// A route to this upstream behind this plugin; the plugin's file lives as long as the folder.
fn yaml(upstream: &Upstream, plugin: Option<&Guest>) -> (String, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plugins = String::new();
    let mut names = "";
    if let Some(guest) = plugin {
        let path = folder.path().join("guest.wasm");
        std::fs::write(&path, guest.wasm()).expect("written");
        plugins = format!("plugins: [{{name: guest, path: '{}'}}]\n", path.display());
        names = "guest";
    }
    let yaml = format!(
        "{plugins}routes: [{{id: all, path: '/*', plugins: [{names}], upstream: a}}]
upstreams: [{{name: a, endpoints: ['{}']}}]",
        upstream.address()
    );
    (yaml, folder)
}

const BEGIN: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn get() -> Request<Empty<Bytes>> {
    let request = Request::get("http://a/events").header("host", "a");
    request.body(Empty::new()).expect("a request")
}

/// Sends an event, and waits until it has arrived.
async fn event(server: &mut TcpStream, body: &mut Incoming, number: usize) {
    let text = format!("data: {number}\n\n");
    let chunk = format!("{:x}\r\n{text}\r\n", text.len());
    server.write_all(chunk.as_bytes()).await.expect("a reader");
    let frame = within(body.frame()).await.expect("an event");
    let data = frame.expect("no failure").into_data().expect("data");
    assert_eq!(data, text);
}

#[tokio::test]
async fn each_event_arrives_before_the_next_one_is_sent() {
    for (name, plugin) in plugins() {
        for is_http2 in [false, true] {
            let upstream = Upstream::bind().await;
            let (yaml, _folder) = yaml(&upstream, plugin.as_ref());
            let gateway = start(&yaml).await;
            let response = async {
                if is_http2 {
                    let mut client = http2(address(&gateway)).await;
                    within(client.send_request(get())).await
                } else {
                    let mut client = http1(address(&gateway)).await;
                    within(client.send_request(get())).await
                }
            };
            let server = async {
                let mut server = upstream.accept().await;
                read_head(&mut server).await;
                server.write_all(BEGIN).await.expect("a reader");
                server
            };
            // The head does not wait for an event.
            let (response, mut server) = tokio::join!(response, server);
            let response = response.expect("a response");
            assert_eq!(
                response.headers()["content-type"],
                "text/event-stream",
                "{name}"
            );
            assert_eq!(
                response.headers().contains_key("x-plugin"),
                plugin.is_some()
            );
            let mut body = response.into_body();
            for number in 0..10 {
                event(&mut server, &mut body, number).await;
            }
            server.write_all(b"0\r\n\r\n").await.expect("a reader");
            let end = within(body.collect()).await.expect("a whole body");
            assert_eq!(end.to_bytes(), "", "{name}");
        }
    }
}

#[tokio::test]
async fn an_upstream_hears_that_nobody_listens_to_its_events() {
    for (_, plugin) in plugins() {
        for is_http2 in [false, true] {
            let upstream = Upstream::bind().await;
            let (yaml, _folder) = yaml(&upstream, plugin.as_ref());
            let gateway = start(&yaml).await;
            let server = async {
                let mut server = upstream.accept().await;
                read_head(&mut server).await;
                server.write_all(BEGIN).await.expect("a reader");
                server
            };
            let mut server = if is_http2 {
                let mut client = http2(address(&gateway)).await;
                let (response, mut server) = tokio::join!(client.send_request(get()), server);
                let mut body = response.expect("a response").into_body();
                event(&mut server, &mut body, 1).await;
                drop(body);
                // The connection lives; it is the stream that is reset.
                assert!(!client.is_closed());
                server
            } else {
                let mut client = http1(address(&gateway)).await;
                let (response, mut server) = tokio::join!(client.send_request(get()), server);
                let mut body = response.expect("a response").into_body();
                event(&mut server, &mut body, 1).await;
                server
            };
            let rest = within(server.read_to_end(&mut Vec::new())).await;
            assert_eq!(rest.unwrap_or(0), 0);
        }
    }
}

#[tokio::test]
async fn an_upstream_hears_that_nobody_waits_for_its_answer() {
    for (_, plugin) in plugins() {
        let upstream = Upstream::bind().await;
        let (yaml, _folder) = yaml(&upstream, plugin.as_ref());
        let gateway = start(&yaml).await;

        let mut raw = Raw::connect(address(&gateway)).await;
        raw.send("GET /poll HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let mut server = upstream.accept().await;
        read_head(&mut server).await;
        drop(raw);
        let rest = within(server.read_to_end(&mut Vec::new())).await;
        assert_eq!(rest.unwrap_or(0), 0);

        let mut client = http2(address(&gateway)).await;
        let poll = tokio::spawn(client.send_request(get()));
        let mut server = upstream.accept().await;
        read_head(&mut server).await;
        poll.abort();
        let rest = within(server.read_to_end(&mut Vec::new())).await;
        assert_eq!(rest.unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn a_route_that_is_patient_with_events_is_not_with_silence() {
    let upstream = Upstream::bind().await;
    let yaml = format!(
        "routes: [{{id: all, path: '/*', idle_timeout: 1s, upstream: a}}]
upstreams: [{{name: a, endpoints: ['{}']}}]",
        upstream.address()
    );
    let gateway = start(&yaml).await;
    let mut client = http1(address(&gateway)).await;
    let server = async {
        let mut server = upstream.accept().await;
        read_head(&mut server).await;
        server.write_all(BEGIN).await.expect("a reader");
        server
    };
    let (response, mut server) = tokio::join!(client.send_request(get()), server);
    let mut body = response.expect("a response").into_body();
    assert!(
        within(body.frame()).await.expect("an end").is_err(),
        "it is cut"
    );
    let rest = within(server.read_to_end(&mut Vec::new())).await;
    assert_eq!(rest.unwrap_or(0), 0, "and the upstream is told");
}
