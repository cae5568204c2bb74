//! What plugins can ask about a connection with TLS.

use std::path::Path;

use http::Request;
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, DistinguishedName, DnType, SanType};
use rustls::HandshakeKind;
use rustls::version::TLS12;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::super::properties::shows;
use super::super::support::{address, within};
use super::support::{Client, Secure, folder, listener, start};
use crate::certificates::{Authority, Identity};

const PATHS: [&str; 10] = [
    r"connection\00tls_version",
    r"connection\00mtls",
    r"connection\00requested_server_name",
    r"connection\00subject_local_certificate",
    r"connection\00dns_san_local_certificate",
    r"connection\00subject_peer_certificate",
    r"connection\00dns_san_peer_certificate",
    r"connection\00uri_san_peer_certificate",
    r"connection\00sha256_peer_certificate_digest",
    r"request\00scheme",
];

pub(super) fn identity(authority: &Authority, name: &str) -> Identity {
    let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
    let uri = format!("spiffe://{name}/x").try_into().expect("a URI");
    params.subject_alt_names.push(SanType::URI(uri));
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Acme, Inc");
    params.distinguished_name.push(DnType::CommonName, name);
    authority.sign(&params)
}

/// The values of the properties; those that are not there are `-`.
async fn shown(secure: &mut Secure) -> Vec<String> {
    values(&secure.get("/").await.expect("a response"))
}

fn values(response: &str) -> Vec<String> {
    let values = response
        .lines()
        .filter(|line| line.starts_with("x-") && line.as_bytes()[2].is_ascii_digit());
    values.map(|line| line[5..].to_owned()).collect()
}

#[tokio::test]
async fn they_are_those_of_the_connection() {
    let authority = Authority::new();
    let folder = folder(&authority);
    identity(&authority, "first.test").write(folder.path(), "first");
    identity(&authority, "here.test").write(folder.path(), "here");
    let more = "client_auth: {mode: optional, ca_file: ca.pem}";
    let yaml = showing(folder.path(), &PATHS, listener(&["first", "here"], more));
    let gateway = start(folder.path(), &yaml).await;
    let peer = identity(&authority, "client.test");
    let digest = peer.leaf().clone();
    let client = Client::with(&authority, peer);
    let connected = client.connect(address(&gateway), "here.test").await;
    let mut secure = connected.expect("a connection");
    let shown_now = shown(&mut secure).await;
    assert_eq!(
        shown_now[..8],
        [
            "TLSv1.3",
            "1",
            "here.test",
            r"CN=here.test,O=Acme\, Inc",
            "here.test",
            r"CN=client.test,O=Acme\, Inc",
            "client.test",
            "spiffe://client.test/x",
        ]
    );
    assert_eq!(shown_now[8], sha256(&digest));
    assert_eq!(shown_now[9], "https");

    let client = Client::speaking(&authority, &[&TLS12]).without_sni();
    let connected = client.connect(address(&gateway), "first.test").await;
    let mut secure = connected.expect("a connection");
    let subject = r"CN=first.test,O=Acme\, Inc";
    assert_eq!(
        shown(&mut secure).await,
        [
            "TLSv1.2",
            "0",
            "",
            subject,
            "first.test",
            "-",
            "-",
            "-",
            "-",
            "https"
        ]
    );
}

/// A listener whose requests pass a plugin that shows these properties.
fn showing(folder: &Path, paths: &[&str], listener: String) -> String {
    let module = wat::parse_str(shows(paths)).expect("valid");
    std::fs::write(folder.join("shows.wasm"), module).expect("written");
    listener
        + "plugins: [{name: shows, path: shows.wasm}]
routes: [{id: all, path: '/*', plugins: [shows], upstream: echo}]
upstreams: [{name: echo, builtin: echo}]
"
}

#[tokio::test]
async fn a_session_that_is_resumed_has_them_too() {
    let authority = Authority::new();
    let folder = folder(&authority);
    identity(&authority, "here.test").write(folder.path(), "here");
    let more = "client_auth: {mode: required, ca_file: ca.pem}";
    let yaml = showing(folder.path(), &PATHS, listener(&["here"], more));
    let gateway = start(folder.path(), &yaml).await;
    let client = Client::with(&authority, identity(&authority, "client.test"));
    let mut all = Vec::new();
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let connected = client.connect(address(&gateway), "here.test").await;
        let mut secure = connected.expect("a connection");
        assert_eq!(secure.0.get_ref().1.handshake_kind(), Some(kind));
        // Tickets come with what is read.
        all.push(shown(&mut secure).await);
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[1][5], r"CN=client.test,O=Acme\, Inc");
}

const ADDRESSED: [&str; 6] = [
    r"request\00scheme",
    r"request\00headers\00:scheme",
    r"connection\00tls_version",
    r"request\00host",
    r"connection\00uri_san_local_certificate",
    r"connection\00requested_server_name",
];

/// What the plugin shows of a request for this target over HTTP/2.
async fn shown_over_http2(
    connection: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    target: &str,
) -> Vec<String> {
    let io = TokioIo::new(connection);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
    let (mut sender, connection) = handshake.await.expect("a connection");
    tokio::spawn(connection);
    let request = Request::get(target).body(Empty::<bytes::Bytes>::new());
    let response = within(sender.send_request(request.expect("a request"))).await;
    let response = response.expect("a response");
    let value = |number| {
        let value = response.headers().get(format!("x-{number}"));
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or("none")
            .to_owned()
    };
    (0..ADDRESSED.len()).map(value).collect()
}

#[tokio::test]
async fn the_scheme_is_the_connection_s_and_no_claim_of_a_client() {
    let authority = Authority::new();
    let folder = folder(&authority);
    identity(&authority, "here.test").write(folder.path(), "here");
    let listeners = listener(&["here"], "") + "  - {name: plain, address: '127.0.0.1:0'}\n";
    let yaml = showing(folder.path(), &ADDRESSED, listeners);
    let gateway = start(folder.path(), &yaml).await;
    let client = Client::new(&authority);
    let connected = client.connect(address(&gateway), "here.test").await;
    let mut secure = connected.expect("a connection");
    let uri = "spiffe://here.test/x";
    for target in ["/", "http://here.test/", "https://here.test/"] {
        let request = format!("GET {target} HTTP/1.1\r\nhost: here.test\r\n\r\n");
        let response = secure.send(&request).await.expect("a response");
        let expected = ["https", "https", "TLSv1.3", "here.test", uri, "here.test"];
        assert_eq!(values(&response), expected, "{target}");
    }
    let client = client.alpn(&["h2"]);
    for target in ["http://here.test/", "https://here.test/"] {
        let connected = client.connect(address(&gateway), "here.test").await;
        let shown = shown_over_http2(connected.expect("a connection").0, target).await;
        let expected = ["https", "https", "TLSv1.3", "here.test", uri, "here.test"];
        assert_eq!(shown, expected, "{target}");
    }
    let plain = gateway.addresses()[1].1;
    for target in ["http://here.test/", "https://here.test/"] {
        let connection = TcpStream::connect(plain).await.expect("a listener");
        let shown = shown_over_http2(connection, target).await;
        let expected = ["http", "http", "-", "here.test", "-", ""];
        assert_eq!(shown, expected, "{target}");
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
