//! Headers that a client uses to take others away, to lie, or to write between the lines.

use super::Scene;

/// What the upstream gets of a request with these header lines.
async fn upstream_gets(lines: &str) -> super::recorder::Request {
    let scene = Scene::new().await;
    let request = format!("POST / HTTP/1.1\r\nhost: a\r\n{lines}connection: close\r\n\r\nabc");
    assert_eq!(scene.send(request).await, [200], "{lines}");
    scene.upstream.requests().remove(0)
}

#[tokio::test]
async fn connection_names_nothing_away_that_is_needed() {
    for named in [
        "content-length",
        "Content-Length, host, x-request-id",
        "x-forwarded-for, x-forwarded-proto, x-forwarded-host",
        "host",
        "close, x-request-id,",
        ", ,host",
        "content-length\r\nconnection: host",
    ] {
        let lines = format!("connection: {named}\r\ncontent-length: 3\r\n");
        let seen = upstream_gets(&lines).await;
        assert_eq!(seen.body, "abc", "{named}");
        assert_eq!(seen.values("content-length"), ["3"], "{named}");
        assert_eq!(seen.values("host"), ["a"], "{named}");
        assert_eq!(seen.values("x-forwarded-for"), ["127.0.0.1"], "{named}");
        assert_eq!(seen.values("x-forwarded-proto"), ["http"], "{named}");
        assert_eq!(seen.values("x-forwarded-host"), ["a"], "{named}");
        assert_eq!(seen.values("x-request-id").len(), 1, "{named}");
        assert!(seen.values("connection").is_empty(), "{named}");
    }
}

#[tokio::test]
async fn what_a_client_may_not_say_does_not_pass() {
    let lies = "content-length: 3\r\nX-Forwarded-For: 6.6.6.6\r\nx_forwarded_for: 6.6.6.6\r\nX-Forwarded_For: 6.6.6.6\r\n\
                X-Forwarded-Proto: https\r\nX-Forwarded-Host: 6.6.6.6\r\nX-Forwarded-Port: 666\r\nX-Forwarded-Prefix: /6.6.6.6\r\n\
                X-Real-IP: 6.6.6.6\r\nX_Real_IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Request-ID: 6.6.6.6\r\nx_request_id: 6.6.6.6\r\n\
                Keep-Alive: 6.6.6.6\r\nProxy-Connection: 6.6.6.6\r\nProxy-Authorization: 6.6.6.6\r\nTE: 6.6.6.6\r\nUpgrade: 6.6.6.6\r\n";
    let seen = upstream_gets(lies).await;
    assert!(!seen.head.contains("6.6.6.6"), "{}", seen.head);
    assert!(!seen.head.contains("https"), "{}", seen.head);
    assert!(!seen.head.contains("666"), "{}", seen.head);
}

#[tokio::test]
async fn trailers_are_no_second_chance() {
    let scene = Scene::new().await;
    let request = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\
                   trailer: x-forwarded-for, x_real_ip, host, content-length, x-request-id, x-sum\r\n\r\n3\r\nabc\r\n0\r\n\
                   x-forwarded-for: 6.6.6.6\r\nx_real_ip: 6.6.6.6\r\nhost: 6.6.6.6\r\ncontent-length: 666\r\nx-request-id: 6.6.6.6\r\n\
                   x-sum: 1\r\n\r\n";
    assert_eq!(scene.send(request).await, [200]);
    let text = scene.upstream.text();
    assert!(text.contains("x-sum: 1"), "{text}");
    assert!(!text.contains("666") && !text.contains("6.6.6.6"), "{text}");
}
