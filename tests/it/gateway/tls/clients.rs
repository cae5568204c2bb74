//! Certificates of clients.

use super::super::support::address;
use super::support::{Client, ECHO, folder, listener, start};
use crate::certificates::Authority;
use crate::gateway::keys::shows;

shows! {
    ["listeners[].tls.client_auth"]: "mode", "ca_file" or "other.pem" => they_may_have_one_and_then_a_valid_one;
}

/// What becomes of clients without a certificate, with one of the right authority, of another one, and with an old one.
async fn served(mode: &str) -> [bool; 4] {
    let (authority, other) = (Authority::new(), Authority::new());
    let folder = folder(&authority);
    other.write(folder.path(), "other");
    authority.identity("a.test").write(folder.path(), "a");
    let more = format!("client_auth: {{{mode}ca_file: ca.pem}}");
    let gateway = start(folder.path(), &(listener(&["a"], &more) + ECHO)).await;
    let clients = [
        Client::new(&authority),
        Client::with(&authority, authority.identity("client")),
        Client::with(&authority, other.identity("client")),
        Client::with(&authority, authority.identity_until("client", 2001)),
    ];
    let mut served = [false; 4];
    for (client, served) in clients.iter().zip(&mut served) {
        if let Ok(mut secure) = client.connect(address(&gateway), "a.test").await {
            let response = secure.get("/").await;
            *served = response.is_ok_and(|response| response.starts_with("HTTP/1.1 200 "));
        }
    }
    served
}

#[tokio::test]
async fn they_have_to_have_a_valid_one() {
    assert_eq!(
        served("mode: required, ").await,
        [false, true, false, false]
    );
    assert_eq!(served("").await, [false, true, false, false]);
}

#[tokio::test]
async fn they_may_have_one_and_then_a_valid_one() {
    assert_eq!(served("mode: optional, ").await, [true, true, false, false]);
}
