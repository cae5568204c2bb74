//! Servers with TLS: who is trusted, what they are told, and what becomes of requests to those who are not.

use std::net::SocketAddr;

use loom_gateway::EndpointHealth::{Healthy, Unhealthy};
use loom_gateway::Running;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::super::properties::shows;
use super::super::support::{Loom, Raw, Upstream, address};
use super::super::tls::support::{config, folder, start};
use super::{to, until};
use crate::built;
use crate::certificates::{Authority, Identity};
use crate::gateway::keys::shows;
use crate::tls_server::Server;

shows! {
    ["upstreams[].tls"]: "server_name", "ca_file", "alpn" or "[other]" => a_server_that_is_trusted;
    ["upstreams[].tls"]: "verify" => a_server_that_is_not_trusted;
    ["upstreams[].tls"]: "cert_file" or "other.pem", "key_file" only => a_server_that_wants_a_certificate;
}

const BOTH: &[&str] = &["h2", "http/1.1"];

/// A server that is spoken to in both protocols, with this certificate.
async fn server(identity: Identity) -> SocketAddr {
    let server = Server {
        identity,
        protocols: BOTH,
        clients: None,
    };
    server.start().await
}

/// A gateway before this upstream, whose files stand in this folder.
async fn gateway(folder: &std::path::Path, upstream: &str) -> Running {
    let yaml = format!("listeners: ['127.0.0.1:0']\n{}", to(upstream));
    start(folder, &yaml).await
}

/// The status of the answer to a GET, and the code of the failure or else the body, however that is framed.
async fn asked(gateway: &Running) -> (u16, String) {
    let request = "GET /a HTTP/1.1\r\nhost: client.test\r\nconnection: close\r\n\r\n";
    let response = Raw::exchange(address(gateway), request).await;
    let status = response[9..12].parse().expect("a status");
    let mut lines = response.lines();
    let code = lines.find_map(|line| line.strip_prefix("x-loom-error: "));
    let body = response.split_once("\r\n\r\n").map(|(_, body)| body);
    (status, code.or(body).unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_server_that_is_trusted() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let port = |server: SocketAddr| server.port();
    let named = port(server(authority.identity("localhost")).await);
    let numbered = port(server(authority.identity("127.0.0.1")).await);
    let other = port(server(authority.identity("other.test")).await);
    for (endpoint, more, told) in [
        (format!("localhost:{named}"), "", "localhost http/1.1"),
        (format!("127.0.0.1:{numbered}"), "", "no name http/1.1"),
        (
            format!("127.0.0.1:{other}"),
            ", server_name: other.test",
            "other.test http/1.1",
        ),
        (
            format!("localhost:{named}"),
            ", alpn: http/1.1",
            "localhost http/1.1",
        ),
    ] {
        let upstream = format!("endpoints: '{endpoint}', tls: {{ca_file: ca.pem{more}}}");
        let gateway = gateway(folder.path(), &upstream).await;
        let told = format!("HTTP/1.1 no scheme {told}");
        let (status, body) = asked(&gateway).await;
        assert!(
            status == 200 && body.contains(&told),
            "{upstream}: {status} {body}"
        );
    }
    let upstream =
        format!("endpoints: 'localhost:{named}', protocol: http2, tls: {{ca_file: ca.pem}}");
    let gateway = gateway(folder.path(), &upstream).await;
    let (_, rest) = asked(&gateway).await;
    assert!(rest.contains("HTTP/2.0 https localhost h2"), "{rest}");
}

#[tokio::test]
async fn a_server_that_is_not_trusted() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let stranger = server(Authority::new().identity("localhost")).await;
    let elsewhere = server(authority.identity("elsewhere.test")).await;
    let old = server(authority.identity_until("localhost", 2001)).await;
    for server in [stranger, elsewhere, old] {
        for protocol in ["http1", "http2"] {
            let port = server.port();
            let upstream = format!(
                "endpoints: 'localhost:{port}', protocol: {protocol}, tls: {{ca_file: ca.pem}}"
            );
            let gateway = gateway(folder.path(), &upstream).await;
            let refused = (502, "upstream_certificate".to_owned());
            assert_eq!(asked(&gateway).await, refused, "{upstream}");
        }
        let upstream = format!(
            "endpoints: 'localhost:{}', tls: {{verify: false}}",
            server.port()
        );
        let gateway = gateway(folder.path(), &upstream).await;
        assert_eq!(asked(&gateway).await.0, 200, "{upstream}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_settle_tls() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let speaks = Upstream::bind().await;
    let plain = speaks.address();
    tokio::spawn(async move {
        loop {
            let mut stream = speaks.accept().await;
            // Whoever asked may be gone.
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let closes = Upstream::bind().await;
    let closing = closes.address();
    tokio::spawn(async move {
        loop {
            drop(closes.accept().await);
        }
    });
    let old = Server {
        identity: authority.identity("127.0.0.1"),
        protocols: &["http/1.1"],
        clients: None,
    };
    let old = old.start().await;
    for (server, protocol) in [
        (plain, "http1"),
        (closing, "http1"),
        (closing, "http2"),
        (old, "http2"),
    ] {
        let upstream =
            format!("endpoints: '{server}', protocol: {protocol}, tls: {{ca_file: ca.pem}}");
        let gateway = gateway(folder.path(), &upstream).await;
        let failed = (502, "upstream_tls".to_owned());
        assert_eq!(asked(&gateway).await, failed, "{upstream}");
    }
}

#[tokio::test]
async fn the_handshake_is_a_part_of_connecting() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let silent = Upstream::bind().await;
    for protocol in ["http1", "http2"] {
        let upstream = format!(
            "endpoints: '{}', protocol: {protocol}, timeouts: {{connect: 50ms}}, tls: {{ca_file: ca.pem}}",
            silent.address()
        );
        let gateway = gateway(folder.path(), &upstream).await;
        let failed = (504, "connect_timeout".to_owned());
        assert_eq!(asked(&gateway).await, failed, "{upstream}");
    }
}

#[tokio::test]
async fn a_server_that_wants_a_certificate() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let own = authority.identity("gateway");
    own.write(folder.path(), "client");
    Authority::new().write_for(&own, "gateway", folder.path(), "other");
    let server = Server {
        identity: authority.identity("127.0.0.1"),
        protocols: BOTH,
        clients: Some(&authority),
    };
    let server = server.start().await;
    let own = ", cert_file: client.pem, key_file: client.key";
    for (protocol, more, status) in [
        ("http1", own, 200),
        ("http1", "", 502),
        ("http2", own, 200),
        ("http2", "", 502),
    ] {
        let upstream =
            format!("endpoints: '{server}', protocol: {protocol}, tls: {{ca_file: ca.pem{more}}}");
        let gateway = gateway(folder.path(), &upstream).await;
        let (got, said) = asked(&gateway).await;
        assert_eq!(got, status, "{upstream}: {said}");
        // The library of HTTP/2 keeps nothing of why a connection ended.
        let codes = ["upstream_tls", "upstream_closed"];
        let known = &codes[..if protocol == "http2" { 2 } else { 1 }];
        assert!(
            status == 200 || known.contains(&&*said),
            "{upstream}: {said}"
        );
    }
}

#[tokio::test]
async fn health_checks_are_over_tls() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let good = server(authority.identity("localhost")).await.port();
    let bad = server(Authority::new().identity("localhost")).await.port();
    for check in ["{}", "{http: {path: /healthz}}"] {
        for protocol in ["http1", "http2"] {
            let upstream = format!(
                "endpoints: ['localhost:{good}', 'localhost:{bad}'], protocol: {protocol}, tls: {{ca_file: ca.pem}}, health_check: {check}"
            );
            let gateway = gateway(folder.path(), &upstream).await;
            until(&gateway, |health| {
                let is_told = |why: &str| why.contains("invalid peer certificate");
                health[0] == Healthy && matches!(&health[1], Unhealthy(why) if is_told(why))
            })
            .await;
        }
    }
}

#[tokio::test]
async fn calls_of_plugins_are_over_tls() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let server = server(authority.identity("localhost")).await.port();
    let plugin = built::plugin("callouts").expect("it is in Rust");
    let yaml = format!(
        "listeners: ['127.0.0.1:0']
routes: [{{id: all, path: '/*', plugins: [callouts], upstream: echo}}]
plugins: [{{name: callouts, path: '{}'}}]
upstreams:
  - {{name: echo, builtin: echo}}
  - {{name: secure, endpoints: 'localhost:{server}', tls: {{ca_file: ca.pem}}}}
",
        plugin.display()
    );
    let gateway = start(folder.path(), &yaml).await;
    for (call, told) in [
        (
            "http secure 20000 / x",
            "HTTP/1.1 no scheme localhost http/1.1",
        ),
        ("call secure t.S M 20000 x", "HTTP/2.0 https localhost h2"),
    ] {
        let request =
            format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-start: {call}\r\n\r\n");
        let answer = Raw::exchange(address(&gateway), &request).await;
        assert!(answer.contains(told), "{call}: {answer}");
    }
}

#[tokio::test]
async fn other_authorities_are_taken_over() {
    let (one, other) = (Authority::new(), Authority::new());
    let folder = folder(&one);
    let server = server(other.identity("localhost")).await.port();
    let yaml = format!(
        "listeners: [{{name: web, address: '127.0.0.1:0'}}]\n{}",
        to(&format!(
            "endpoints: 'localhost:{server}', tls: {{ca_file: ca.pem}}"
        ))
    );
    let gateway = start(folder.path(), &yaml).await;
    assert_eq!(asked(&gateway).await.1, "upstream_certificate");
    other.write(folder.path(), "ca");
    let reloaded = gateway.reload(config(folder.path(), &yaml)).await;
    assert_eq!(reloaded.expect("a valid one").upstreams, (0, 1));
    assert_eq!(asked(&gateway).await.0, 200);
}

#[tokio::test]
async fn without_roots_it_is_what_the_system_trusts() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let server = server(authority.identity("localhost")).await.port();
    let yaml = format!(
        "listeners: ['127.0.0.1:0']\n{}",
        to(&format!("endpoints: 'localhost:{server}', tls: {{}}"))
    );
    std::fs::write(folder.path().join("loom.yaml"), yaml).expect("written");
    let ca = folder.path().join("ca.pem");
    let environment = [("SSL_CERT_FILE", ca.to_str().expect("UTF-8"))];
    let mut loom = Loom::start_with(folder.path(), &[], &environment);
    let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = Raw::exchange(loom.address().await, request).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn plugins_are_told_of_it() {
    let paths = [
        r"upstream\00tls_version",
        r"upstream\00dns_san_peer_certificate",
        r"upstream\00sha256_peer_certificate_digest",
        r"upstream\00dns_san_local_certificate",
    ];
    let authority = Authority::new();
    let folder = folder(&authority);
    authority
        .identity("gateway.test")
        .write(folder.path(), "client");
    let identity = authority.identity("localhost");
    let digest = Sha256::digest(identity.leaf());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let server = server(identity).await.port();
    let module = wat::parse_str(shows(&paths)).expect("valid");
    std::fs::write(folder.path().join("shows.wasm"), module).expect("written");
    for (protocol, own, name) in [
        (
            "http1",
            ", cert_file: client.pem, key_file: client.key",
            "gateway.test",
        ),
        ("http1", "", "-"),
        ("http2", "", "-"),
    ] {
        let yaml = format!(
            "listeners: ['127.0.0.1:0']
plugins: [{{name: shows, path: shows.wasm}}]
routes: [{{id: all, path: '/*', plugins: [shows], upstream: a}}]
upstreams: [{{name: a, endpoints: 'localhost:{server}', protocol: {protocol}, tls: {{ca_file: ca.pem{own}}}}}]"
        );
        let gateway = start(folder.path(), &yaml).await;
        // The second one goes over a connection that is there.
        for _ in 0..2 {
            let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
            let response = Raw::exchange(address(&gateway), request).await;
            for (number, value) in ["TLSv1.3", "localhost", &digest, name].iter().enumerate() {
                let line = format!("\r\nx-{number}: {value}\r\n");
                assert!(response.contains(&line), "{protocol}: {line} {response}");
            }
        }
    }
}
