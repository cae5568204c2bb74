//! Handshakes that do not end, or do not begin.

use super::super::support::{Raw, address};
use super::support::{Client, ECHO, folder, listener, start};
use crate::certificates::Authority;
use crate::gateway::keys::shows;

shows! {
    ["listeners[].limits"]: "tls_handshake_timeout" => a_handshake_that_does_not_end_is_ended;
}

#[tokio::test]
async fn nobody_waits_for_a_handshake_of_another_one() {
    let authority = Authority::new();
    let folder = folder(&authority);
    authority.identity("a.test").write(folder.path(), "a");
    let gateway = start(folder.path(), &(listener(&["a"], "") + ECHO)).await;
    let mut silent = Vec::new();
    for beginning in [&b""[..], b"\x16", b"\x16\x03\x01\x01\x00\x01"] {
        let mut raw = Raw::connect(address(&gateway)).await;
        raw.send(beginning).await;
        silent.push(raw);
    }
    let connected = Client::new(&authority)
        .connect(address(&gateway), "a.test")
        .await;
    let response = connected.expect("a connection").get("/").await;
    assert!(response.expect("a response").starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_ended() {
    let authority = Authority::new();
    let folder = folder(&authority);
    authority.identity("a.test").write(folder.path(), "a");
    let limits = "    limits: {tls_handshake_timeout: 50ms}\n";
    let yaml = listener(&["a"], "") + limits + ECHO;
    let gateway = start(folder.path(), &yaml).await;
    for beginning in [&b""[..], b"\x16", b"\x16\x03\x01\x01\x00\x01"] {
        let mut raw = Raw::connect(address(&gateway)).await;
        raw.send(beginning).await;
        assert_eq!(raw.rest().await, "", "{beginning:?}");
    }
}

#[tokio::test]
async fn what_is_no_tls_gets_no_http() {
    let authority = Authority::new();
    let folder = folder(&authority);
    authority.identity("a.test").write(folder.path(), "a");
    let gateway = start(folder.path(), &(listener(&["a"], "") + ECHO)).await;
    let rest = Raw::exchange(address(&gateway), "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(!rest.contains("HTTP"), "{rest:?}");
}
