//! What upstreams are told of a client's certificate.

use rcgen::{CertificateParams, DistinguishedName, DnType};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use super::super::support::address;
use super::properties::identity;
use super::support::{Client, ECHO, folder, listener, start};
use crate::certificates::{Authority, Identity};
use crate::gateway::keys::shows;

shows! {
    ["listeners[].tls.client_auth"]: "forward" => only_what_the_gateway_has_seen;
}

const BY: &str = "By=spiffe://a.test/x";

/// What the upstream reads of a client that claims something, with `client_auth` like this.
async fn told(authority: &Authority, client: &Client, auth: &str) -> Option<String> {
    let folder = folder(authority);
    identity(authority, "a.test").write(folder.path(), "a");
    let more = format!("client_auth: {{mode: optional, ca_file: ca.pem{auth}}}");
    let gateway = start(folder.path(), &(listener(&["a"], &more) + ECHO)).await;
    let connected = client.connect(address(&gateway), "a.test").await;
    let mut secure = connected.expect("a connection");
    let mut all = Vec::new();
    // On one connection every request is told.
    for _ in 0..2 {
        let request = "GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-client-cert: Hash=claimed\r\n\r\n";
        let response = secure.send(request).await.expect("a response");
        let (_, body) = response.split_once("\r\n\r\n").expect("a body");
        let echoed: serde_json::Value = serde_json::from_str(body).expect("JSON");
        let told = &echoed["headers"]["x-forwarded-client-cert"];
        assert!(told.as_array().is_none_or(|told| told.len() == 1), "{told}");
        all.push(told[0].as_str().map(str::to_owned));
    }
    assert_eq!(all[0], all[1]);
    all.remove(0)
}

fn hash(identity: &Identity) -> String {
    let digest = Sha256::digest(identity.leaf());
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("Hash={digits}")
}

#[tokio::test]
async fn only_what_the_gateway_has_seen() {
    let authority = Authority::new();
    let peer = identity(&authority, "client.test");
    let hash = hash(&peer);
    let with = Client::with(&authority, peer);
    let without = Client::new(&authority);
    let subject = r#"Subject="CN=client.test,O=Acme\, Inc""#;
    let value = format!("{BY};{hash};{subject};URI=spiffe://client.test/x;DNS=client.test");
    let set = told(&authority, &with, ", forward: set").await;
    assert_eq!(set, Some(value));
    for (client, auth) in [
        (&without, ", forward: set"),
        (&without, ", forward: [cert, chain, subject, uri, dns]"),
        (&with, ", forward: sanitize"),
        (&with, ""),
    ] {
        assert_eq!(told(&authority, client, auth).await, None, "{auth:?}");
    }
}

#[tokio::test]
async fn what_was_chosen_in_its_order() {
    let authority = Authority::new();
    let mut params = CertificateParams::new([]).expect("no names");
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in [
        (DnType::OrganizationName, r#"A "b"; c=d, \"#),
        (DnType::CommonName, "x\";Hash=0;URI=spiffe://root"),
    ] {
        params.distinguished_name.push(kind, value);
    }
    let mut peer = authority.sign(&params);
    peer.chain.push(authority.der());
    let (hash, shown) = (hash(&peer), peer.chain.clone());
    let client = Client::with(&authority, peer);
    let subject = r#"Subject="CN=x\"\;Hash=0\;URI=spiffe://root,O=A \"b\"\; c=d\, \\""#;
    for (fields, expected) in [
        ("[]", format!("{BY};{hash}")),
        ("[dns]", format!("{BY};{hash}")),
        ("[uri, subject]", format!("{BY};{hash};{subject};URI=")),
    ] {
        let value = told(&authority, &client, &format!(", forward: {fields}")).await;
        assert_eq!(value, Some(expected), "{fields}");
    }

    let value = told(&authority, &client, ", forward: [subject, chain, cert]").await;
    let value = value.expect("a value");
    let mut parts = value.split(';');
    assert_eq!(parts.next(), Some(BY));
    assert_eq!(parts.next(), Some(&hash[..]));
    assert_eq!(certificates(parts.next(), "Cert"), shown[..1]);
    assert_eq!(certificates(parts.next(), "Chain"), shown);
    assert!(value.ends_with(&format!(";{subject}")), "{value}");
}

/// The certificates in a part of this name.
fn certificates(part: Option<&str>, name: &str) -> Vec<CertificateDer<'static>> {
    let (key, value) = part.and_then(|part| part.split_once('=')).expect("a pair");
    assert_eq!(key, name);
    let inner = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let mut pem = inner.expect("quotes").to_owned();
    assert!(!pem.contains([',', ';', '=', '"', ' ']), "{pem}");
    for (escape, letter) in [
        ("%0A", "\n"),
        ("%20", " "),
        ("%2B", "+"),
        ("%2F", "/"),
        ("%3D", "="),
    ] {
        pem = pem.replace(escape, letter);
    }
    let found = CertificateDer::pem_slice_iter(pem.as_bytes());
    found.collect::<Result<_, _>>().expect("PEM")
}
