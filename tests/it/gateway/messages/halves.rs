//! One side is done, the other one is not.

use http::Request;
use http_body_util::channel::Channel;
use hyper::body::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::support::{
    Raw, Upstream, address, http2, proxy_to, read_head, start, text, within,
};

/// As in nginx and Envoy: nobody could tell a client that is done from one that is gone.
#[tokio::test]
async fn a_client_that_closes_its_half_is_gone() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let mut client = Raw::connect(address(&gateway)).await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut server = upstream.accept().await;
    read_head(&mut server).await;
    client.0.shutdown().await.expect("a connection");
    let rest = within(server.read_to_end(&mut Vec::new())).await;
    assert_eq!(rest.unwrap_or(0), 0);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn an_early_answer_ends_the_request() {
    let upstream = Upstream::bind().await;
    let gateway = start(&proxy_to(&[upstream.address()])).await;
    let mut client = http2(address(&gateway)).await;
    let (mut sender, body) = Channel::<Bytes>::new(1);
    let request = Request::post("http://a/").body(body).expect("a request");
    let answer = async {
        let mut server = upstream.accept().await;
        read_head(&mut server).await;
        let answer = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno";
        server.write_all(answer).await.expect("a reader");
    };
    let (response, ()) = tokio::join!(client.send_request(request), answer);
    let response = response.expect("a response");
    assert_eq!(response.status(), 413);
    assert_eq!(text(response).await, "no");
    // Nobody reads on for ever.
    within(async {
        while sender
            .send_data(Bytes::from_static(&[0; 65536]))
            .await
            .is_ok()
        {}
    })
    .await;
    assert!(!client.is_closed(), "it was the stream alone");
}
