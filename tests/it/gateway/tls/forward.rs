//! What upstreams are told of a client's certificate.

use sha2::{Digest, Sha256};

use super::super::support::address;
use super::properties::identity;
use super::support::{Client, ECHO, folder, listener, start};
use crate::certificates::Authority;

/// What the upstream reads of a client that claims something, with `client_auth` like this.
async fn told(authority: &Authority, client: &Client, auth: &str) -> String {
    let folder = folder(authority);
    authority.identity("a.test").write(folder.path(), "a");
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
        all.push(echoed["headers"]["x-forwarded-client-cert"][0].to_string());
    }
    assert_eq!(all[0], all[1]);
    all.remove(0)
}

#[tokio::test]
async fn only_what_the_gateway_has_seen() {
    let authority = Authority::new();
    let peer = identity(&authority, "client.test");
    let hash: String = Sha256::digest(peer.leaf())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let with = Client::with(&authority, peer);
    let without = Client::new(&authority);
    let subject = r#"Subject="CN=client.test,O=Acme\\, Inc""#;
    let value = format!("Hash={hash};{subject};URI=spiffe://client.test/x;DNS=client.test");
    let value = serde_json::Value::from(value).to_string();
    assert_eq!(told(&authority, &with, ", forward: set").await, value);
    for (client, auth) in [
        (&without, ", forward: set"),
        (&with, ", forward: sanitize"),
        (&with, ""),
    ] {
        assert_eq!(told(&authority, client, auth).await, "null", "{auth:?}");
    }
}
