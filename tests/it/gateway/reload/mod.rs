//! Another configuration for a gateway that runs.

pub(super) mod files;
mod load;
mod plugins;
mod signals;
mod warm;

use loom_config::Config;

use tokio::io::AsyncWriteExt;

use super::support::{Raw, Upstream, address, parse, proxy_to, read_head, start, within};

/// A configuration with one listener on a free port, named `web`.
fn config(yaml: &str) -> Config {
    let yaml = format!("listeners: [{{name: web, address: '127.0.0.1:0'}}]\n{yaml}");
    let config = parse("loom.yaml", &yaml);
    config.unwrap_or_else(|faults| panic!("{faults}"))
}

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn an_open_connection_meets_the_new_routes_with_its_next_request() {
    let (one, two) = (
        Upstream::bind().await.say("one"),
        Upstream::bind().await.say("two"),
    );
    let gateway = start(&proxy_to(&[one])).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send(GET).await;
    assert!(raw.response().await.ends_with("\r\n\r\none"));

    let before = gateway.addresses();
    let reloaded = gateway
        .reload(config(&proxy_to(&[two])))
        .await
        .expect("a valid one");
    assert_eq!(reloaded.listeners, (1, 0, 0));
    assert_eq!(reloaded.upstreams, (0, 1));
    assert_eq!(gateway.addresses(), before);
    raw.send(GET).await;
    let response = raw.response().await;
    assert!(response.ends_with("\r\n\r\ntwo"), "{response}");
    assert!(!response.contains("connection: close"), "{response}");
}

#[tokio::test]
async fn a_running_request_ends_as_it_began() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send(GET).await;
    let mut stream = upstream.accept().await;
    gateway
        .reload(config("routes: []"))
        .await
        .expect("a valid one");
    stream.write_all(OK).await.expect("a reader");
    let response = raw.response().await;
    assert!(response.ends_with("\r\n\r\nok"), "{response}");
    raw.send(GET).await;
    let response = raw.response().await;
    assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
}

#[tokio::test]
async fn an_upstream_that_stays_keeps_its_connections() {
    let upstream = Upstream::bind().await;
    let yaml = proxy_to(&[upstream.address()]);
    let gateway = start(&yaml).await;
    let mut raw = Raw::connect(address(&gateway)).await;
    // One connection is all that this upstream ever accepts.
    let serving = tokio::spawn(async move {
        let mut stream = upstream.accept().await;
        for _ in 0..2 {
            read_head(&mut stream).await;
            stream.write_all(OK).await.expect("a reader");
        }
    });
    raw.send(GET).await;
    raw.response().await;
    let with_more = format!("{yaml}  - {{name: more, builtin: echo}}\n");
    let reloaded = gateway.reload(config(&with_more)).await;
    assert_eq!(reloaded.expect("a valid one").upstreams, (1, 1));
    raw.send(GET).await;
    raw.response().await;
    within(serving).await.expect("both on one connection");
}

#[tokio::test]
async fn listeners_open_and_drain() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let first = address(&gateway);
    let mut busy = Raw::connect(first).await;
    busy.send(GET).await;
    let mut stream = upstream.accept().await;

    let other = format!(
        "listeners: [{{name: other, address: '127.0.0.1:0'}}]\n{}",
        proxy_to(&[upstream.address()])
    );
    let other = parse("loom.yaml", &other).expect("valid");
    let reloaded = gateway.reload(other).await.expect("a valid one");
    assert_eq!(reloaded.listeners, (0, 1, 1));
    let [(name, second)] = &gateway.addresses()[..] else {
        panic!("one listener");
    };
    assert_eq!(name, "other");

    // The old one answers what it has and closes; the new one is there.
    stream.write_all(OK).await.expect("a reader");
    let response = busy.rest().await;
    assert!(response.contains("connection: close\r\n"), "{response}");
    assert!(tokio::net::TcpStream::connect(first).await.is_err());
    assert!(tokio::net::TcpStream::connect(second).await.is_ok());
}

#[tokio::test]
async fn what_a_removed_listener_does_not_finish_is_ended() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let mut busy = Raw::connect(address(&gateway)).await;
    busy.send(GET).await;
    let _stream = upstream.accept().await;
    let other =
        "listeners: [{name: other, address: '127.0.0.1:0'}]\nshutdown: {drain_timeout: 50ms}\n";
    let other = parse("loom.yaml", other).expect("valid");
    gateway.reload(other).await.expect("a valid one");
    assert_eq!(busy.rest().await, "");
}

#[tokio::test]
async fn an_address_that_is_taken_changes_nothing() {
    let taken = Upstream::bind().await;
    let gateway = start(&proxy_to(&[taken.address()])).await;
    let yaml = format!(
        "listeners: [{{name: web, address: '127.0.0.1:0'}}, {{name: more, address: '{}'}}]\nroutes: []\n",
        taken.address()
    );
    let config = parse("loom.yaml", &yaml).expect("valid");
    let error = gateway.reload(config).await.expect_err("it is taken");
    assert!(error.to_string().contains("`more`"), "{error}");
    let stats = gateway.reloader().stats();
    assert_eq!((stats.succeeded, stats.failed), (0, 1));
    assert!(stats.last_error.is_some_and(|text| text.contains("`more`")));

    let upstream = tokio::spawn(taken.capture());
    let mut raw = Raw::connect(address(&gateway)).await;
    raw.send(GET).await;
    assert!(raw.response().await.starts_with("HTTP/1.1 200 "));
    within(upstream).await.expect("the old route is there");
}

#[tokio::test]
async fn limits_of_a_listener_hold_from_then_on() {
    let limited = |connections: usize| {
        let yaml = format!(
            "listeners: [{{name: web, address: '127.0.0.1:0', limits: {{connections: {connections}}}}}]
routes: [{{id: all, path: '/*', upstream: echo}}]
upstreams: [{{name: echo, builtin: echo}}]\n"
        );
        parse("loom.yaml", &yaml).expect("valid")
    };
    let gateway = loom_gateway::Gateway::start(limited(1))
        .await
        .expect("a gateway");
    let mut first = Raw::connect(address(&gateway)).await;
    first.send(GET).await;
    first.response().await;
    // It is in the kernel's queue until there is room.
    let mut second = Raw::connect(address(&gateway)).await;
    second.send(GET).await;
    gateway.reload(limited(2)).await.expect("a valid one");
    assert!(second.response().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn there_is_no_reload_while_a_gateway_ends() {
    let gateway = start("routes: []").await;
    let reloader = gateway.reloader();
    within(gateway.shutdown()).await;
    let error = reloader.apply(config("routes: []")).await;
    assert!(matches!(error, Err(loom_gateway::ReloadError::Ending)));
}
