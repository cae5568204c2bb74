//! Upstreams that fail, and what the client is told.

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use super::support::{Raw, Upstream, address, proxy_to, refused_address, start};
use crate::gateway::keys::shows;

shows! {
    ["routes[]"]: "timeout" => an_upstream_that_never_answers;
    ["upstreams[].timeouts"]: "connect" or "1h" => an_upstream_that_takes_no_connection;
}

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

fn assert_failure(response: &str, status: &str, reason: &str) {
    assert!(
        response.starts_with(&format!("HTTP/1.1 {status} ")),
        "{response}"
    );
    assert!(
        response.contains("content-type: text/plain; charset=utf-8\r\n"),
        "{response}"
    );
    assert!(
        response.ends_with(&format!("\r\n\r\n{reason}")),
        "{response}"
    );
}

#[tokio::test]
async fn nobody_listens() {
    let gateway = start(&proxy_to(&[refused_address().await])).await;
    assert_failure(
        &Raw::exchange(address(&gateway), GET).await,
        "502",
        "the upstream cannot be reached",
    );
}

#[tokio::test]
async fn a_connection_that_is_closed_before_the_answer() {
    let gateway = start(&proxy_to(&[Upstream::bind().await.answer_and_close(b"")])).await;
    let response = Raw::exchange(address(&gateway), GET).await;
    assert_failure(
        &response,
        "502",
        "the upstream closed the connection before it answered",
    );
}

#[tokio::test]
async fn an_answer_that_is_no_http_or_not_asked_for() {
    for answer in [
        &b"SSH-2.0-OpenSSH_9.2\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    ] {
        let gateway = start(&proxy_to(&[Upstream::bind()
            .await
            .answer_and_close(answer)]))
        .await;
        let response = Raw::exchange(address(&gateway), GET).await;
        assert_failure(&response, "502", "the upstream's answer is not valid");
    }
}

#[tokio::test]
async fn an_upstream_that_never_answers() {
    let upstream = Upstream::bind().await;
    let gateway = start(&format!(
        "routes: [{{id: all, path: '/*', timeout: 50ms, upstream: a}}]\nupstreams: [{{name: a, endpoints: ['{}']}}]",
        upstream.address()
    ))
    .await;
    assert_failure(
        &Raw::exchange(address(&gateway), GET).await,
        "504",
        "the upstream did not answer in time",
    );
}

#[tokio::test]
async fn an_upstream_that_takes_no_connection() {
    // A queue of one that is full: Linux drops what else wants to connect.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let full = socket.listen(0).expect("a listener");
    let upstream = full.local_addr().expect("an address");
    let _first = TcpStream::connect(upstream).await.expect("room for one");
    let gateway = start(&format!(
        "routes: [{{id: all, path: '/*', upstream: a}}]
upstreams: [{{name: a, endpoints: ['{upstream}'], timeouts: {{connect: 50ms}}}}]"
    ))
    .await;
    let response = Raw::exchange(address(&gateway), GET).await;
    assert_failure(
        &response,
        "504",
        "the upstream did not take the connection in time",
    );
}

#[tokio::test]
async fn a_kept_connection_that_has_died_is_replaced() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    for _ in 0..3 {
        // This test and the gateway share one thread, and it does not yield between the close and the next request: the
        // gateway cannot have noticed before it sends.
        raw.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody")
            .await;
        let mut stream = upstream.accept().await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        stream.write_all(answer).await.expect("a reader");
        let response = raw.response().await;
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        drop(stream);
    }
}
