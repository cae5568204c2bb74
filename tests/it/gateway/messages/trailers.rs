//! Trailers, from each version of HTTP to each.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

use super::super::support::{Raw, Upstream, address, http2, proxy_to, start, within};
use super::{answered, proxy_to_http2};

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close, te\r\nte: trailers\r\n\r\n";
const POST: &str =
    "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\nx-other: 8\r\n\r\n";

/// A body and one trailer.
fn body(value: HeaderValue) -> impl http_body::Body<Data = Bytes, Error = Infallible> + Unpin {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", value);
    let frames = [
        Frame::data(Bytes::from_static(b"ok")),
        Frame::trailers(trailers),
    ];
    StreamBody::new(futures_util::stream::iter(frames.map(Ok)))
}

/// A server that gives back the trailer of a request.
async fn http2_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let answer = service_fn(async |request: Request<Incoming>| {
        let sent = request.into_body().collect().await.expect("a whole body");
        let sum = sent.trailers().and_then(|trailers| trailers.get("x-sum"));
        let sum = sum.cloned().unwrap_or(HeaderValue::from_static("none"));
        let response = Response::builder().header("trailer", "x-sum");
        Ok::<_, Infallible>(response.body(body(sum)).expect("a response"))
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(http.serve_connection(TokioIo::new(stream), answer));
        }
    });
    address
}

/// Sends a request with a trailer over HTTP/2, and gives the trailer of the response.
async fn over_http2(gateway: SocketAddr, announced: bool) -> Option<HeaderValue> {
    let mut request = Request::post("http://a/").header("te", "trailers");
    if announced {
        request = request.header("trailer", "x-sum");
    }
    let request = request.body(body(HeaderValue::from_static("5")));
    let mut client = http2(gateway).await;
    let response = within(client.send_request(request.expect("a request"))).await;
    let body = response.expect("a response").into_body();
    let body = within(body.collect()).await.expect("a whole body");
    body.trailers()?.get("x-sum").cloned()
}

#[tokio::test]
async fn http1_to_http1() {
    let response = answered(ANSWER, GET).await;
    assert!(response.contains("trailer: x-sum\r\n"), "{response}");
    assert!(
        response.ends_with("\r\n0\r\nx-sum: 7\r\n\r\n"),
        "{response}"
    );
    // Nobody who has not asked for them has to understand them (RFC 9110, 6.5.1).
    let response = answered(ANSWER, &GET.replace("te: trailers\r\n", "")).await;
    assert!(response.ends_with("\r\n0\r\n\r\n"), "{response}");
}

#[tokio::test]
async fn http1_to_http1_in_requests() {
    for (announced, arrives) in [("trailer: x-sum\r\n", true), ("", false)] {
        let upstream = Upstream::bind().await;
        let gateway = start(&proxy_to(&[upstream.address()])).await;
        let mut client = Raw::connect(address(&gateway)).await;
        let trailers = "2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n";
        client
            .send(format!("{POST}{announced}\r\n{trailers}"))
            .await;
        let mut server = Raw(upstream.accept().await);
        let end = if arrives {
            "0\r\nx-sum: 7\r\n\r\n"
        } else {
            "0\r\n\r\n"
        };
        server.until(end).await;
    }
}

#[tokio::test]
async fn http2_to_http2() {
    let gateway = start(&proxy_to_http2(http2_server().await)).await;
    // There they need no announcement.
    for announced in [false, true] {
        let trailer = over_http2(address(&gateway), announced).await;
        assert_eq!(trailer.expect("a trailer"), "5");
    }
}

#[tokio::test]
async fn http1_to_http2() {
    let gateway = start(&proxy_to_http2(http2_server().await)).await;
    let request = format!("{POST}te: trailers\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n");
    let response = Raw::exchange(address(&gateway), &request).await;
    assert!(
        response.ends_with("\r\n0\r\nx-sum: 7\r\n\r\n"),
        "{response}"
    );
}

#[tokio::test]
async fn http2_to_http1() {
    for (announced, arrives) in [(true, true), (false, false)] {
        let upstream = Upstream::bind().await;
        let gateway = start(&proxy_to(&[upstream.address()])).await;
        let client = over_http2(address(&gateway), announced);
        let server = async {
            let mut server = Raw(upstream.accept().await);
            let end = if arrives {
                "0\r\nx-sum: 5\r\n\r\n"
            } else {
                "\r\n0\r\n\r\n"
            };
            server.until(end).await;
            server.send(ANSWER).await;
        };
        let (trailer, ()) = tokio::join!(client, server);
        assert_eq!(trailer.expect("a trailer"), "7");
    }
}
