//! `basic_auth`.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use loom_config::Loader;
use loom_gateway::Gateway;

use super::super::support::{address, start};
use super::{echo, exchange, header, status};

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
    let gateway = start(&echo(&users("realm: staff only"), "")).await;
    let address = address(&gateway);
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
    let gateway = start(&echo(&users("user_header: x-user"), "")).await;
    let response = exchange(address(&gateway), "GET /", &headers).await;
    assert!(response.contains("\"x-user\":[\"al\"]"), "{response}");
    assert!(!response.contains("root"), "{response}");
    assert!(!response.contains("authorization"), "{response}");
    let gateway = start(&echo(&users("forward_credentials: true"), "")).await;
    let response = exchange(address(&gateway), "GET /", &headers).await;
    assert!(response.contains("authorization"), "{response}");
    // It is nobody's business there.
    assert!(response.contains("root"), "{response}");
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
    let folder = tempfile::tempdir().expect("a folder");
    let write = |lines: String| fs::write(folder.path().join("users"), lines).expect("written");
    let read = || {
        let yaml = format!(
            "listeners: [{{name: web, address: '127.0.0.1:0'}}]\n{}",
            echo("basic_auth: {users_file: users}", "")
        );
        let config = Loader::new([]).parse(folder.path().join("loom.yaml"), &yaml);
        config.unwrap_or_else(|faults| panic!("{faults}"))
    };
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
