//! HTTP/1.0, connections that are kept, and what a gateway writes into messages.

use super::super::support::{Raw, Upstream, address, proxy_to, start};
use super::answered;

#[tokio::test]
async fn http10_gets_what_it_understands() {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let response = answered(chunked, "GET / HTTP/1.0\r\n\r\n").await;
    assert!(response.starts_with("HTTP/1.0 200 "), "{response}");
    assert!(!response.contains("transfer-encoding"), "{response}");
    assert!(
        response.ends_with("\r\n\r\nok"),
        "to the connection's end: {response}"
    );
}

#[tokio::test]
async fn http10_may_keep_its_connection() {
    let gateway = start(&proxy_to(&[Upstream::bind().await.say("ok")])).await;
    let mut client = Raw::connect(address(&gateway)).await;
    for _ in 0..2 {
        let request = "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n";
        client.send(request).await;
        let response = client.response().await;
        assert!(
            response.contains("connection: keep-alive\r\n"),
            "{response}"
        );
    }
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let response = client.rest().await;
    assert!(response.ends_with("\r\n\r\nok"), "{response}");
}

#[tokio::test]
async fn requests_may_come_before_they_are_asked_for() {
    let upstream = Upstream::bind().await.serve(|request| async move {
        http::Response::new(super::super::support::full(request.uri().path().to_owned()))
    });
    let gateway = start(&proxy_to(&[upstream])).await;
    let get = |path, more| format!("GET {path} HTTP/1.1\r\nhost: a\r\n{more}\r\n");
    let three = [
        get("/1", ""),
        get("/2", ""),
        get("/3", "connection: close\r\n"),
        get("/4", ""),
    ];
    let all = Raw::exchange(address(&gateway), &three.concat()).await;
    let bodies: Vec<_> = ["/1", "/2", "/3", "/4"]
        .iter()
        .map(|path| all.find(&format!("\r\n\r\n{path}")))
        .collect();
    assert!(bodies[0] < bodies[1] && bodies[1] < bodies[2], "{all}");
    assert_eq!(bodies[3], None, "the third was the last: {all}");
}

#[tokio::test]
async fn a_date_is_kept_or_written() {
    let get = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let date = "date: Tue, 01 Jan 2030 00:00:00 GMT\r\n";
    let dated = b"HTTP/1.1 204 No Content\r\ndate: Tue, 01 Jan 2030 00:00:00 GMT\r\n\r\n";
    let response = answered(dated, get).await;
    assert!(response.contains(date), "{response}");
    assert_eq!(response.matches("date: ").count(), 1, "{response}");
    let response = answered(b"HTTP/1.1 204 No Content\r\n\r\n", get).await;
    assert_eq!(response.matches("date: ").count(), 1, "{response}");
}

#[tokio::test]
async fn the_gateway_does_not_sign() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let request = "GET http://a/ HTTP/1.1\r\nhost: b\r\nvia: 1.0 fred\r\nconnection: close\r\n\r\n";
    let client = Raw::exchange(address(&gateway), request);
    let (head, response) = tokio::join!(upstream.capture(), client);
    assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("host: a\r\n"), "{head}");
    assert_eq!(head.matches("via: ").count(), 1, "{head}");
    assert!(head.contains("via: 1.0 fred\r\n"), "{head}");
    assert!(
        !response.contains("via:") && !response.contains("server:"),
        "{response}"
    );
}
