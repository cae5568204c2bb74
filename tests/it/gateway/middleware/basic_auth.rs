//! `basic_auth`.

use std::fs;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use loom_gateway::Gateway;

use super::super::support::{address, parse, start};
use super::{echo, everywhere, exchange, header, status};
use crate::gateway::keys::shows;

shows! {
    ["routes[].basic_auth", "defaults.basic_auth"]: "realm", "users" or "{bo: '$2b$04$.....................................................'}"
        => only_users_with_the_right_password_pass;
    ["routes[].basic_auth", "defaults.basic_auth"]: "user_header", "forward_credentials" => the_upstream_reads_who_it_is_and_not_the_password;
    ["routes[].basic_auth", "defaults.basic_auth"]: "users_file" or "others" => users_of_a_file_change_with_it;
}

/// As cheap as bcrypt can be.
fn hash(password: &str) -> String {
    bcrypt::hash(password, 4).expect("a hash")
}

fn credentials(user: &str, password: &str) -> String {
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    format!("authorization: Basic {encoded}\r\n")
}

fn users(more: &str) -> String {
    let hash = hash("secret");
    format!("basic_auth: {{users: {{al: '{hash}'}}, {more}}}")
}

#[tokio::test]
async fn only_users_with_the_right_password_pass() {
    for (keys, defaults) in everywhere(&users("realm: staff only")) {
        let gateway = start(&echo(keys, defaults)).await;
        only_users_pass(address(&gateway)).await;
    }
}

async fn only_users_pass(address: SocketAddr) {
    for (headers, wanted, code) in [
        (credentials("al", "secret"), "200", None),
        // From memory, this time.
        (credentials("al", "secret"), "200", None),
        (
            credentials("al", "Secret"),
            "401",
            Some("credentials_wrong"),
        ),
        (
            credentials("bo", "secret"),
            "401",
            Some("credentials_wrong"),
        ),
        (credentials("", ""), "401", Some("credentials_wrong")),
        (String::new(), "401", Some("credentials_missing")),
        (
            "authorization: Bearer abc\r\n".into(),
            "401",
            Some("credentials_missing"),
        ),
        (
            "authorization: Basic ???\r\n".into(),
            "401",
            Some("credentials_missing"),
        ),
    ] {
        let response = exchange(address, "GET /", &headers).await;
        assert_eq!(status(&response), wanted, "{headers}: {response}");
        assert_eq!(header(&response, "x-loom-error"), code, "{headers}");
        let asked = code.map(|_| "Basic realm=\"staff only\", charset=\"UTF-8\"");
        assert_eq!(header(&response, "www-authenticate"), asked, "{headers}");
    }
}

#[tokio::test]
async fn the_upstream_reads_who_it_is_and_not_the_password() {
    let spoofed = "x-user: root\r\nx_user: root\r\n";
    let headers = format!("{}{spoofed}", credentials("al", "secret"));
    for (keys, defaults) in everywhere(&users("user_header: x-user")) {
        let gateway = start(&echo(keys, defaults)).await;
        let response = exchange(address(&gateway), "GET /", &headers).await;
        assert!(response.contains("\"x-user\":[\"al\"]"), "{response}");
        assert!(!response.contains("root"), "{response}");
        assert!(!response.contains("authorization"), "{response}");
    }
    for (keys, defaults) in everywhere(&users("forward_credentials: true")) {
        let gateway = start(&echo(keys, defaults)).await;
        let response = exchange(address(&gateway), "GET /", &headers).await;
        assert!(response.contains("authorization"), "{response}");
        // It is nobody's business there.
        assert!(response.contains("root"), "{response}");
    }
}

#[tokio::test]
async fn a_default_holds_until_a_route_says_otherwise() {
    for (keys, wanted) in [("", "401"), ("basic_auth: false", "200")] {
        let gateway = start(&echo(keys, &users(""))).await;
        let response = exchange(address(&gateway), "GET /", "").await;
        assert_eq!(status(&response), wanted, "{keys}");
    }
}

#[tokio::test]
async fn users_of_a_file_change_with_it() {
    for (keys, defaults) in everywhere("basic_auth: {users_file: users}") {
        users_change(keys, defaults).await;
    }
}

async fn users_change(keys: &str, defaults: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |lines: String| fs::write(folder.path().join("users"), lines).expect("written");
    let read = || {
        let yaml = format!(
            "listeners: [{{name: web, address: '127.0.0.1:0'}}]\n{}",
            echo(keys, defaults)
        );
        let config = parse(folder.path().join("loom.yaml"), &yaml);
        config.unwrap_or_else(|faults| panic!("{faults}"))
    };
    fs::write(
        folder.path().join("others"),
        format!("cy:{}\n", hash("one")),
    )
    .expect("written");
    write(format!(
        "# staff\nal:{}\n\nbo:{}\n",
        hash("one"),
        hash("two")
    ));
    let gateway = Gateway::start(read()).await.expect("a gateway");
    let address = address(&gateway);
    for (user, password, wanted) in [("al", "one", "200"), ("bo", "two", "200")] {
        let response = exchange(address, "GET /", &credentials(user, password)).await;
        assert_eq!(status(&response), wanted, "{user}");
    }
    write(format!("al:{}\n", hash("three")));
    gateway.reload(read()).await.expect("a valid one");
    for (user, password, wanted) in [
        ("al", "one", "401"),
        ("al", "three", "200"),
        ("bo", "two", "401"),
    ] {
        let response = exchange(address, "GET /", &credentials(user, password)).await;
        assert_eq!(status(&response), wanted, "{user} {password}");
    }
}
