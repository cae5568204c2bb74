//! What an upstream takes at the most, and for how long.

use tokio::io::AsyncWriteExt;

use super::super::support::{Raw, Upstream, address, read_head, start};
use super::{answer, to};
use crate::gateway::keys::shows;

shows! {
    ["upstreams[].limits"]: "connections" or "100" => what_is_too_much_is_refused_at_once;
    ["upstreams[].limits"]: "pending" => some_may_wait;
    ["upstreams[].timeouts"]: "per_try" => a_try_has_its_time;
    ["upstreams[].timeouts"]: "idle" => a_connection_that_nobody_uses_is_closed;
}

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const SHED: &str = "the upstream has as many requests as it takes";

#[tokio::test]
async fn what_is_too_much_is_refused_at_once() {
    let upstream = Upstream::bind().await;
    let limits = "limits: {connections: 1, pending: 0}";
    let gateway = start(&to(&format!(
        "endpoints: '{}', {limits}",
        upstream.address()
    )))
    .await;
    let mut first = Raw::connect(address(&gateway)).await;
    first.send(GET).await;
    let mut stream = upstream.accept().await;
    read_head(&mut stream).await;
    let mut second = Raw::connect(address(&gateway)).await;
    assert_eq!(answer(&mut second, "/", "").await, (503, SHED.to_owned()));

    // A response is under way until its end.
    stream
        .write_all(&OK[..OK.len() - 1])
        .await
        .expect("a reader");
    read_head(&mut first.0).await;
    assert_eq!(answer(&mut second, "/", "").await, (503, SHED.to_owned()));
    stream
        .write_all(&OK[OK.len() - 1..])
        .await
        .expect("a reader");
    let mut body = [0; 2];
    tokio::io::AsyncReadExt::read_exact(&mut first.0, &mut body)
        .await
        .expect("a body");

    second.send(GET).await;
    read_head(&mut stream).await;
    stream.write_all(OK).await.expect("a reader");
    assert!(second.response().await.ends_with("ok"));
}

#[tokio::test]
async fn some_may_wait() {
    let upstream = Upstream::bind().await;
    // Long enough for nobody to be refused for the time that it waits.
    let limits = "limits: {connections: 1, pending: 1}, timeouts: {connect: 1h}";
    let gateway = start(&to(&format!(
        "endpoints: '{}', {limits}",
        upstream.address()
    )))
    .await;
    let mut first = Raw::connect(address(&gateway)).await;
    first.send(GET).await;
    let mut stream = upstream.accept().await;
    read_head(&mut stream).await;

    // Of two more, one waits; which of them it is does not matter.
    let (mut second, mut third) = (
        Raw::connect(address(&gateway)).await,
        Raw::connect(address(&gateway)).await,
    );
    second.send(GET).await;
    third.send(GET).await;
    let (shed, mut waiting) = tokio::select! {
        response = second.response() => (response, third),
        response = third.response() => (response, second),
    };
    assert!(
        shed.starts_with("HTTP/1.1 503 ") && shed.ends_with(SHED),
        "{shed}"
    );
    stream.write_all(OK).await.expect("a reader");
    assert!(first.response().await.ends_with("ok"));
    read_head(&mut stream).await;
    stream.write_all(OK).await.expect("a reader");
    assert!(waiting.response().await.ends_with("ok"));
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let upstream = Upstream::bind().await;
    let limits = "limits: {connections: 1}, timeouts: {connect: 50ms}";
    let gateway = start(&to(&format!(
        "endpoints: '{}', {limits}",
        upstream.address()
    )))
    .await;
    let mut first = Raw::connect(address(&gateway)).await;
    first.send(GET).await;
    let _stream = upstream.accept().await;
    let mut second = Raw::connect(address(&gateway)).await;
    assert_eq!(answer(&mut second, "/", "").await, (503, SHED.to_owned()));
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed() {
    let upstream = Upstream::bind().await;
    let timeouts = "timeouts: {idle: 50ms}";
    let gateway = start(&to(&format!(
        "endpoints: '{}', {timeouts}",
        upstream.address()
    )))
    .await;
    let mut connection = Raw::connect(address(&gateway)).await;
    for _ in 0..2 {
        connection.send(GET).await;
        let mut stream = upstream.accept().await;
        read_head(&mut stream).await;
        stream.write_all(OK).await.expect("a reader");
        assert!(connection.response().await.ends_with("ok"));
        assert_eq!(Raw(stream).rest().await, "", "it is closed");
    }
}

#[tokio::test]
async fn a_try_has_its_time() {
    let upstream = Upstream::bind().await;
    let timeouts = "timeouts: {per_try: 50ms}";
    let gateway = start(&to(&format!(
        "endpoints: '{}', {timeouts}",
        upstream.address()
    )))
    .await;
    let mut connection = Raw::connect(address(&gateway)).await;
    let answer = answer(&mut connection, "/", "").await;
    assert_eq!(
        answer,
        (504, "the upstream did not answer in time".to_owned())
    );
}
