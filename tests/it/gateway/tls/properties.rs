//! What plugins can ask about a connection with TLS.

use rcgen::{CertificateParams, DistinguishedName, DnType, SanType};
use rustls::version::TLS12;
use sha2::{Digest, Sha256};

use super::super::properties::shows;
use super::super::support::address;
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
    let response = secure.get("/").await.expect("a response");
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
    let module = wat::parse_str(shows(&PATHS)).expect("valid");
    std::fs::write(folder.path().join("shows.wasm"), module).expect("written");
    let more = "client_auth: {mode: optional, ca_file: ca.pem}";
    let yaml = listener(&["first", "here"], more)
        + "plugins: [{name: shows, path: shows.wasm}]
routes: [{id: all, path: '/*', plugins: [shows], upstream: echo}]
upstreams: [{name: echo, builtin: echo}]
";
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

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
