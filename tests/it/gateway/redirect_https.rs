//! Listeners that send everybody to HTTPS.

use super::support::{Raw, address, start};
use crate::gateway::keys::shows;

shows! {
    ["listeners[].redirect_https"]: "port" => the_address_stays_but_for_its_scheme_and_port;
}

async fn asked(key: &str, request: &str) -> String {
    let gateway = start(&format!(
        "listeners: [{{name: web, address: '127.0.0.1:0'{key}}}]
routes: [{{id: all, path: '/*', respond: 204}}]"
    ))
    .await;
    let request = request.replace('\n', "\r\n");
    Raw::exchange(
        address(&gateway),
        &format!("{request}\r\nconnection: close\r\n\r\n"),
    )
    .await
}

#[tokio::test]
async fn the_address_stays_but_for_its_scheme_and_port() {
    for (key, host, target, location) in [
        (
            ", redirect_https: true",
            "a.test",
            "/b//c?d=/e&f",
            "https://a.test/b//c?d=/e&f",
        ),
        (
            ", redirect_https: {}",
            "a.test:8080",
            "/",
            "https://a.test/",
        ),
        (
            ", redirect_https: {port: 8443}",
            "[::1]:8080",
            "/%2F",
            "https://[::1]:8443/%2F",
        ),
    ] {
        let answer = asked(
            key,
            &format!("POST {target} HTTP/1.1\nhost: {host}\ncontent-length: 0"),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
        let header = format!("\r\nlocation: {location}\r\n");
        assert!(answer.contains(&header), "{key}: {answer}");
        assert!(answer.contains("\r\nx-request-id: "), "{answer}");
    }
}

#[tokio::test]
async fn without_it_requests_are_served() {
    for key in ["", ", redirect_https: false"] {
        let answer = asked(key, "GET / HTTP/1.1\nhost: a").await;
        assert!(answer.starts_with("HTTP/1.1 204 "), "{key:?}: {answer}");
    }
}

#[tokio::test]
async fn nobody_claims_to_have_come_by_https() {
    let request = "GET / HTTP/1.1\nhost: a\nx-forwarded-proto: https";
    let answer = asked(", redirect_https: true", request).await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
}

#[tokio::test]
async fn without_a_host_there_is_no_address() {
    let answer = asked(", redirect_https: true", "GET / HTTP/1.0").await;
    assert!(
        answer.starts_with("HTTP/1.0 400 ") || answer.starts_with("HTTP/1.1 400 "),
        "{answer}"
    );
    assert!(
        answer.contains("\r\nx-loom-error: invalid_host\r\n"),
        "{answer}"
    );
}
