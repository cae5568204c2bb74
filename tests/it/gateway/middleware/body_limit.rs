//! `max_body`.

use tokio::io::AsyncReadExt;

use super::super::support::{Raw, Upstream, address, read_head, start, within};
use super::{echo, exchange, header, status};
use crate::gateway::keys::shows;

shows! {
    ["routes[]", "defaults"]: "max_body" => a_default_holds_until_a_route_says_otherwise;
}

#[tokio::test]
async fn a_body_that_says_its_length_is_refused_by_it() {
    let gateway = start(&echo("max_body: 4", "")).await;
    let address = address(&gateway);
    let fits = exchange(address, "POST /", "content-length: 4\r\n\r\nabcd").await;
    assert_eq!(status(&fits), "200", "{fits}");
    // Nothing of it was sent: the length alone decides.
    let refused = exchange(address, "POST /", "content-length: 5\r\n").await;
    assert_eq!(status(&refused), "413", "{refused}");
    assert_eq!(header(&refused, "x-loom-error"), Some("request_too_large"));
}

#[tokio::test]
async fn a_default_holds_until_a_route_says_otherwise() {
    for (keys, wanted) in [
        ("", "413"),
        ("max_body: 1KiB", "200"),
        ("max_body: false", "200"),
    ] {
        let gateway = start(&echo(keys, "max_body: 4")).await;
        let response = exchange(
            address(&gateway),
            "POST /",
            "content-length: 5\r\n\r\nabcde",
        )
        .await;
        assert_eq!(status(&response), wanted, "{keys}");
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_before_the_upstream_sees_its_end() {
    let upstream = Upstream::bind().await;
    let gateway = start(&format!(
        "routes: [{{id: all, path: '/*', upstream: up, max_body: 8}}]
upstreams: [{{name: up, endpoints: '{}'}}]",
        upstream.address()
    ))
    .await;
    let mut client = Raw::connect(address(&gateway)).await;
    client
        .send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n")
        .await;
    let mut server = upstream.accept().await;
    read_head(&mut server).await;
    let mut first = [0; 10];
    within(server.read_exact(&mut first))
        .await
        .expect("a chunk");
    assert_eq!(&first, b"5\r\nabcde\r\n");
    client.send("5\r\nfghij\r\n0\r\n\r\n").await;
    let response = client.until("the request body is too large").await;
    assert_eq!(status(&response), "413", "{response}");
    let mut rest = Vec::new();
    let _ = within(server.read_to_end(&mut rest)).await;
    assert_eq!(String::from_utf8_lossy(&rest), "", "no more, and no end");
}

#[tokio::test]
async fn a_body_of_unknown_length_that_fits_passes() {
    let gateway = start(&echo("max_body: 10", "")).await;
    let response = exchange(
        address(&gateway),
        "POST /",
        "transfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n5\r\nfghij\r\n0\r\n",
    )
    .await;
    assert_eq!(status(&response), "200", "{response}");
    assert!(response.contains("abcdefghij"), "{response}");
}
