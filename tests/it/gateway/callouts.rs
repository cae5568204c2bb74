//! Calls of plugins to the gateway's upstreams, through the program `loom`.
//!
//! The plugin is `tests/guests/callouts`: it does what the request's headers say, and answers with what it was told.

use std::fmt::Write;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Loom, Raw, Upstream, refused_address};
use crate::grpc_server::GrpcServer;

const NO_RESPONSE: &str = "upstream connect error or disconnect/reset before headers";

/// A `loom` with the plugin on its route, and these upstreams.
async fn loom(
    upstreams: &[(&str, SocketAddr)],
    more: &str,
) -> (Loom, SocketAddr, tempfile::TempDir) {
    let plugin = crate::built::plugin("callouts").expect("it is in Rust");
    let plugin = plugin.display();
    let mut yaml = format!(
        "workers: 2
listeners: [{{name: web, address: '127.0.0.1:0'}}]
routes: [{{id: all, path: '/*', plugins: [callouts], upstream: echo}}]
plugins:
  - {{name: callouts, path: '{plugin}'}}
{}
upstreams:
  - {{name: echo, builtin: echo}}
",
        more.replace("PLUGIN", &plugin.to_string())
    );
    for (name, address) in upstreams {
        writeln!(
            yaml,
            "  - {{name: {name}, endpoints: ['{address}'], timeouts: {{connect: 5s}}}}"
        )
        .expect("a string takes everything");
    }
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("loom.yaml"), yaml).expect("a file");
    let mut loom = Loom::start(directory.path(), &["-config", "loom.yaml"]);
    let address = loom.address().await;
    (loom, address, directory)
}

/// What the plugin was told.
async fn ask(gateway: SocketAddr, plan: &[(&str, &str)]) -> String {
    let mut request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n".to_owned();
    for (when, steps) in plan {
        write!(request, "x-{when}: {steps}\r\n").expect("a string takes everything");
    }
    let answer = Raw::exchange(gateway, &format!("{request}\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a response");
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    body.to_owned()
}

#[tokio::test]
async fn grpc_goes_over_http2_to_every_upstream() {
    let server = GrpcServer::start().await;
    let upstreams = [("grpc", server.address), ("dead", refused_address().await)];
    let (_loom, gateway, _directory) = loom(&upstreams, "").await;
    let told = ask(
        gateway,
        &[("start", "again 100 call grpc t.S Echo 20000 hello")],
    )
    .await;
    assert_eq!(told.lines().count(), 100);
    assert!(
        told.lines()
            .all(|line| line.ends_with(": response of 5: hello")),
        "{told}"
    );
    assert_eq!(server.connections().0, 1);
    let head = server.head();
    assert_eq!(head.uri, "http://grpc/t.S/Echo");
    assert_eq!(head.headers["te"], "trailers");
    assert_eq!(head.headers["grpc-timeout"], "20000m");
    let told = ask(
        gateway,
        &[("start", "stream grpc t.S Echo | send one | end two")],
    )
    .await;
    assert_eq!(
        told,
        "1: initial of 3: :status=200 content-type=application/grpc x-meta=one\n\
         1: message of 3: one\n\
         1: message of 3: two\n\
         1: trailing of 2: grpc-status=0 x-trail=two\n\
         1: closed 0: 0 "
    );
    for (method, told) in [
        ("Fail", "failed 7: 7 n%C3%B6 %25"),
        ("ResetEarly", &*format!("failed 14: 14 {NO_RESPONSE}")),
        ("Compressed", "failed 13: 13 the message is compressed"),
        ("Largest", "response of 4194304: 4194304 bytes"),
    ] {
        let start = format!("call grpc t.S {method} 20000 hello");
        assert_eq!(
            ask(gateway, &[("start", &start)]).await,
            format!("1: {told}")
        );
    }
    let told = ask(gateway, &[("start", "call grpc t.S Silent 30 hello")]).await;
    assert_eq!(told, "1: failed 14: 14 upstream request timeout");
    let told = ask(gateway, &[("start", "call dead t.S Echo 20000 hello")]).await;
    assert_eq!(told, format!("1: failed 14: 14 {NO_RESPONSE}"));
    // The built-in upstream is no gRPC server: the first byte of its JSON is no flag that is known.
    let told = ask(gateway, &[("start", "call echo t.S Echo 20000 hello")]).await;
    assert!(told.starts_with("1: failed 8: "), "{told}");
    assert_eq!(server.connections().0, 1, "nothing needed another one");
}

#[tokio::test]
async fn a_connection_that_ended_is_replaced() {
    let server = GrpcServer::start().await;
    let (_loom, gateway, _directory) = loom(&[("grpc", server.address)], "").await;
    for round in 1..=3 {
        let mut told;
        while {
            told = ask(gateway, &[("start", "call grpc t.S Echo 20000 hello")]).await;
            // The gateway may not have heard yet that the connection has ended.
            told.starts_with("1: failed 14: ")
        } {}
        assert_eq!(told, "1: response of 5: hello", "{round}");
        assert_eq!(server.connections(), (round, 1));
        server.close_connections().await;
    }
}

#[tokio::test]
async fn http_calls_fail_as_in_envoy() {
    let silent = Upstream::bind().await;
    let half = Upstream::bind()
        .await
        .answer_and_close(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal");
    let upstreams = [
        ("dead", refused_address().await),
        ("silent", silent.address()),
        ("closing", Upstream::bind().await.answer_and_close(b"")),
        (
            "nonsense",
            Upstream::bind().await.answer_and_close(b"nonsense\r\n\r\n"),
        ),
        ("half", half),
        ("ok", Upstream::bind().await.say("hello")),
    ];
    let (_loom, gateway, _directory) = loom(&upstreams, "").await;
    let refused = format!("answer 503 of 3 headers, 0 trailers: {NO_RESPONSE} (0 )");
    let reset = "answer  of 0 headers, 0 trailers:  (11 reset)";
    for (upstream, timeout, told) in [
        ("dead", 20000, &*refused),
        ("closing", 20000, &refused),
        ("nonsense", 20000, &refused),
        (
            "silent",
            30,
            "answer 504 of 3 headers, 0 trailers: upstream request timeout (0 )",
        ),
        ("half", 20000, reset),
    ] {
        let start = format!("http {upstream} {timeout} /a body");
        let answer = ask(gateway, &[("start", &start)]).await;
        assert_eq!(answer, format!("1: {told}"), "{upstream}");
    }
    // The call that was given up has let its connection go.
    let mut stream = silent.accept().await;
    let mut seen = Vec::new();
    super::support::within(stream.read_to_end(&mut seen))
        .await
        .expect("it is closed");
    assert!(seen.starts_with(b"POST /a HTTP/1.1\r\n"));
    let answer = ask(gateway, &[("start", "again 100 http ok 20000 /a body")]).await;
    assert_eq!(answer.lines().count(), 100);
    assert!(
        answer
            .lines()
            .all(|line| line.contains(": answer 200 of ") && line.ends_with(": hello (0 )")),
        "{answer}"
    );
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_its_calls_to_the_plugin() {
    let server = GrpcServer::start().await;
    let (mut loom, gateway, _directory) = loom(&[("grpc", server.address)], "").await;
    let mut client = Raw::connect(gateway).await;
    client
        .send("GET / HTTP/1.1\r\nhost: a\r\nx-start: stream grpc t.S Echo | send one\r\n\r\n")
        .await;
    while server.requests() == 0 {
        tokio::task::yield_now().await;
    }
    client.0.shutdown().await.expect("a connection");
    drop(client);
    // The program's end is the plugin's: the stream is reset, and does not hold the program up.
    loom.signal("TERM");
    loom.line("shutting down").await;
    assert_eq!(loom.code().await, Some(0));
    while server.ends() != (0, 1) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_plugin_without_a_route_makes_calls() {
    let server = GrpcServer::start().await;
    let service = "  - name: caller
    path: 'PLUGIN'
    service: true
    config: |
      start: call grpc t.S Echo 20000 configured
      tick-ms: 10
      tick: until 3 call grpc t.S Echo 20000 ticked
";
    let (mut loom, _gateway, _directory) = loom(&[("grpc", server.address)], service).await;
    loom.line("1: response of 10: configured").await;
    loom.line("2: response of 6: ticked").await;
    loom.line("3: response of 6: ticked").await;
}
