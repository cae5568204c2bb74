//! Connections that stop speaking HTTP, with everything around them.

use jsonwebtoken::{EncodingKey, Header, encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::support::{Raw, Upstream, address, read_head, start, within};

/// Everything that there is.
const ALL: &str = "compression: {min_size: 0}, ip_allow: 127.0.0.0/8, ip_deny: 10.0.0.0/8, cors: {origins: https://a.example}, rate_limit: {requests: 1, per: 1h}, max_body: 3, jwt: {secret: 0123456789abcdef0123456789abcdef, from: {query: token}}";

const ASK: &str = "GET /talk HTTP/1.1\r\nhost: a\r\nauthorization: Basic YWw6c2VjcmV0\r\norigin: https://a.example\r\naccept-encoding: gzip, identity;q=0\r\nconnection: Upgrade\r\nupgrade: Foo/2\r\n\r\n";

#[tokio::test]
async fn it_passes_through_all_of_it() {
    let upstream = Upstream::bind().await;
    let secret = EncodingKey::from_secret(b"0123456789abcdef0123456789abcdef");
    let claims = serde_json::json!({"exp": 4_000_000_000_u64});
    let token = encode(&Header::default(), &claims, &secret).expect("a token");
    let hash = bcrypt::hash("secret", 4).expect("a hash");
    let ask = ASK.replace("/talk", &format!("/talk?token={token}"));
    let gateway = start(&format!(
        "routes: [{{id: all, path: '/*', upstream: up, {ALL}, basic_auth: {{users: {{al: '{hash}'}}}}}}]
upstreams: [{{name: up, endpoints: '{}'}}]",
        upstream.address()
    ))
    .await;
    let mut client = Raw::connect(address(&gateway)).await;
    client.send(&ask).await;
    let mut server = upstream.accept().await;
    read_head(&mut server).await;
    server
        .write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: foo/2\r\n\r\n",
        )
        .await
        .expect("a reader");
    let head = read_head(&mut client.0).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(!head.contains("content-encoding"), "{head}");
    // More than the body of a request may have.
    client.send("much more than three").await;
    let mut heard = [0; 20];
    within(server.read_exact(&mut heard))
        .await
        .expect("all of it");
    assert_eq!(&heard, b"much more than three");
    server.write_all(b"as it is").await.expect("a reader");
    client.until("as it is").await;
    // The limits hold for the next one.
    let mut second = Raw::connect(address(&gateway)).await;
    second.send(&ask).await;
    let refused = read_head(&mut second.0).await;
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
}
