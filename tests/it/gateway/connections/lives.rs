//! How long connections live.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::client::conn::http2::SendRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::super::admin::{admin, eventually, metrics};
use super::super::support::{Raw, Upstream, address, full, http2, read_head, start, text, within};
use super::{cut, ended, listener};
use crate::gateway::keys::shows;

shows! {
    ["listeners[].limits"]: "idle_timeout" => a_connection_without_requests_is_closed;
    ["listeners[].limits"]: "requests_per_connection" => a_connection_has_a_number_of_requests;
    ["listeners[].limits"]: "send_timeout" => a_client_that_does_not_read_is_cut_off;
}

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

type Http2 = SendRequest<Empty<Bytes>>;

async fn get(client: &mut Http2) -> Result<Response<hyper::body::Incoming>, hyper::Error> {
    let request = Request::get("http://a/").body(Empty::new());
    within(client.send_request(request.expect("a request"))).await
}

async fn closed(client: &Http2) {
    within(async {
        while !client.is_closed() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Waits until a connection that does nothing is closed: as long as any other has to be quiet for that.
async fn until_one_is_closed(gateway: SocketAddr) {
    let mut raw = Raw::connect(gateway).await;
    raw.send(GET).await;
    raw.response().await;
    assert_eq!(raw.rest().await, "");
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let upstream = Upstream::bind().await.say("ok");
    let limits = "header_timeout: 1h, idle_timeout: 50ms";
    let gateway = start(&listener(limits, upstream)).await;
    until_one_is_closed(address(&gateway)).await;
    let mut client = http2(address(&gateway)).await;
    text(get(&mut client).await.expect("a response")).await;
    closed(&client).await;
    eventually(admin(&gateway), &ended("connection_idle"), 2.0).await;
}

#[tokio::test]
async fn an_http2_connection_may_wait_for_its_first_request() {
    let upstream = Upstream::bind().await.say("ok");
    let limits = "header_timeout: 50ms, idle_timeout: 1h";
    let gateway = start(&listener(limits, upstream)).await;
    let mut client = http2(address(&gateway)).await;
    // By then it would be over, if it had to send a head like one of HTTP/1.
    let silent = Raw::connect(address(&gateway)).await;
    assert_eq!(silent.rest().await, "");
    assert_eq!(get(&mut client).await.expect("a response").status(), 200);
}

#[tokio::test]
async fn a_connection_with_a_request_is_not_idle() {
    let silent = Upstream::bind().await;
    let upstream = Upstream::bind().await.say("ok");
    let keys = listener("idle_timeout: 50ms", upstream).replace(
        "routes: [",
        "routes: [{id: slow, path: /slow, upstream: slow}, ",
    );
    let slow = format!(
        "upstreams: [{{name: slow, endpoints: ['{}']}}, ",
        silent.address()
    );
    let gateway = start(&keys.replace("upstreams: [", &slow)).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut answering = silent.accept().await;
    read_head(&mut answering).await;
    until_one_is_closed(address(&gateway)).await;
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no";
    answering.write_all(answer).await.expect("a reader");
    raw.until("\r\n\r\no").await;
    // Neither is one whose response has not ended.
    until_one_is_closed(address(&gateway)).await;
    answering.write_all(b"k").await.expect("a reader");
    raw.until("k").await;
    assert_eq!(raw.rest().await, "");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let upstream = Upstream::bind().await.serve(|_| async {
        // More than sockets hold.
        Response::new(full(vec![b'x'; 32 << 20]))
    });
    let gateway = start(&listener("send_timeout: 100ms", upstream)).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send(GET).await;
    eventually(admin(&gateway), &ended("send_timeout"), 1.0).await;
    eventually(admin(&gateway), &cut("send_timeout"), 1.0).await;
    let received = raw.rest().await.len();
    assert!(received < 32 << 20, "{received}");
}

/// Of what it takes the kernel tells late: it holds megabytes, and says that there is room when a third of them is gone.
#[tokio::test]
async fn a_client_that_reads_slowly_is_not_cut_off_until_it_stops() {
    let upstream = Upstream::bind().await.serve(|_| async {
        // More than sockets hold.
        Response::new(full(vec![b'x'; 32 << 20]))
    });
    let gateway = start(&listener("send_timeout: 1s", upstream)).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    // It grants what it has room for in small pieces.
    socket.set_recv_buffer_size(64 << 10).expect("a size");
    let connected = within(socket.connect(address(&gateway))).await;
    let mut raw = Raw(connected.expect("a listener"));
    raw.send(GET).await;
    let mut piece = vec![0; 16 << 10];
    for _ in 0..75 {
        within(raw.0.read_exact(&mut piece)).await.expect("more");
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    let series = metrics(admin(&gateway)).await;
    assert_eq!(series.get(&ended("send_timeout")), Some(&0.0));
    eventually(admin(&gateway), &ended("send_timeout"), 1.0).await;
    drop(raw);
}

#[tokio::test]
async fn a_connection_has_a_number_of_requests() {
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&listener("requests_per_connection: 2", upstream)).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send(GET).await;
    assert!(!raw.response().await.contains("connection: close"));
    raw.send(GET).await;
    let last = raw.rest().await;
    assert!(last.contains("connection: close"), "{last}");

    let mut client = http2(address(&gateway)).await;
    for _ in 0..2 {
        text(get(&mut client).await.expect("a response")).await;
    }
    closed(&client).await;
    eventually(admin(&gateway), &ended("connection_requests"), 2.0).await;
}

#[tokio::test]
async fn requests_that_are_under_way_on_a_connection_that_ends_are_answered() {
    let upstream = Upstream::bind().await;
    let (release, _) = tokio::sync::broadcast::channel::<()>(1);
    let waiting = release.clone();
    let upstream = upstream.serve(move |_| {
        let mut released = waiting.subscribe();
        async move {
            let _ = released.recv().await;
            Response::new(full("ok"))
        }
    });
    let gateway = start(&listener("requests_per_connection: 2", upstream)).await;
    let client: Http2 = http2(address(&gateway)).await;
    let requests: Vec<_> = (0..2)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move { get(&mut client).await })
        })
        .collect();
    within(async {
        while release.receiver_count() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    release.send(()).expect("both wait");
    for request in requests {
        let response = request.await.expect("no panic").expect("a response");
        assert_eq!(text(response).await, "ok");
    }
    closed(&client).await;
}
