//! How many connections are open.

use std::net::SocketAddr;

use super::super::admin::{admin, eventually};
use super::super::support::{Raw, Upstream, address, start, within};
use super::{ended, listener};
use crate::gateway::keys::shows;

shows! {
    ["listeners[].limits"]: "connections" => connections_beyond_the_limit_are_closed;
    ["listeners[].limits"]: "connections_per_address" => an_address_has_its_own_number;
}

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// A connection that has had an answer, once there is room for it.
async fn served(gateway: SocketAddr) -> Raw {
    within(async {
        loop {
            let mut raw = Raw::connect(gateway).await;
            // It may be closed already.
            let _ = tokio::io::AsyncWriteExt::write_all(&mut raw.0, GET.as_bytes()).await;
            let mut first = [0];
            let read = tokio::io::AsyncReadExt::read(&mut raw.0, &mut first).await;
            if read.is_ok_and(|read| read == 1) {
                raw.until("\r\n\r\nok").await;
                return raw;
            }
        }
    })
    .await
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed() {
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&listener("connections: 2", upstream)).await;
    let (first, mut second) = (
        served(address(&gateway)).await,
        served(address(&gateway)).await,
    );
    for _ in 0..3 {
        let third = Raw::connect(address(&gateway)).await;
        assert_eq!(third.rest().await, "");
    }
    eventually(admin(&gateway), &ended("connection_limit"), 3.0).await;
    // Those that were there go on.
    second.send(GET).await;
    assert!(second.response().await.ends_with("ok"));
    drop(first);
    served(address(&gateway)).await;
}

#[tokio::test]
async fn an_address_has_its_own_number() {
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&listener("connections_per_address: 1", upstream)).await;
    let first = served(address(&gateway)).await;
    let second = Raw::connect(address(&gateway)).await;
    assert_eq!(second.rest().await, "");
    eventually(admin(&gateway), &ended("address_limit"), 1.0).await;
    // Somebody else is not concerned.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.2:0".parse().expect("an address"))
        .expect("bound");
    let other = within(socket.connect(address(&gateway))).await;
    let mut other = Raw(other.expect("a listener"));
    other.send(GET).await;
    assert!(other.response().await.ends_with("ok"));
    drop(first);
    served(address(&gateway)).await;
}

#[tokio::test]
async fn open_connections_are_counted() {
    let upstream = Upstream::bind().await.say("ok");
    let gateway = start(&listener("", upstream)).await;
    let open = r#"loom_connections_open{listener="web"}"#;
    let first = served(address(&gateway)).await;
    let second = served(address(&gateway)).await;
    let series = eventually(admin(&gateway), open, 2.0).await;
    let all = series[r#"loom_connections_total{listener="web"}"#];
    assert!((all - 2.0).abs() < 1e-9, "{all}");
    drop((first, second));
    eventually(admin(&gateway), open, 0.0).await;
}
