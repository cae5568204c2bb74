//! Servers of HTTP/2.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

use super::super::support::{Raw, address, http2, start, within};
use super::to;
use crate::gateway::keys::shows;

shows! {
    ["upstreams[]"]: "protocol" => clients_of_http1_are_served_too;
}

/// A server that answers with the request's body, and with trailers that tell its head.
async fn server() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    address
}

async fn answer(
    request: Request<Incoming>,
) -> Result<Response<impl http_body::Body<Data = Bytes, Error = Infallible>>, Infallible> {
    assert_eq!(request.version(), Version::HTTP_2);
    let te = request.headers().get("te").cloned();
    let authority = request.uri().authority().expect("an authority").to_string();
    let body = request
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers.insert("x-authority", authority.parse().expect("a value"));
    if let Some(te) = te {
        trailers.insert("x-te", te);
    }
    let frames = [Ok(Frame::data(body)), Ok(Frame::trailers(trailers))];
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let response = Response::builder().header("content-type", "application/grpc");
    Ok(response.body(body).expect("a response"))
}

#[tokio::test]
async fn grpc_passes() {
    let gateway = start(&to(&format!(
        "endpoints: '{}', protocol: http2",
        server().await
    )))
    .await;
    let mut client = http2(address(&gateway)).await;
    for message in ["one", "two"] {
        let request = Request::post("http://api.example.com/service/method")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(Bytes::from(message)))
            .expect("a request");
        let response = within(client.send_request(request))
            .await
            .expect("a response");
        assert_eq!(response.status(), 200);
        let body = within(response.into_body().collect())
            .await
            .expect("a body");
        let trailers = body.trailers().cloned().expect("trailers");
        assert_eq!(trailers["grpc-status"], "0");
        assert_eq!(trailers["x-authority"], "api.example.com");
        assert_eq!(trailers["x-te"], "trailers");
        assert_eq!(body.to_bytes(), message);
    }
    // The requests share one connection.
    let endpoint = &gateway.upstreams()[0].endpoints[0];
    assert_eq!((endpoint.connections, endpoint.in_flight), (1, 0));
}

#[tokio::test]
async fn clients_of_http1_are_served_too() {
    let gateway = start(&to(&format!(
        "endpoints: '{}', protocol: http2",
        server().await
    )))
    .await;
    let mut connection = Raw::connect(address(&gateway)).await;
    connection
        .send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody")
        .await;
    let response = connection.rest().await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    assert!(response.contains("body"), "{response}");
}

#[tokio::test]
async fn checks_speak_it_too() {
    let check = "health_check: {http: {path: /healthz}}";
    let with = |protocol: &str, server| to(&format!("endpoints: '{server}', {check}{protocol}"));
    let gateway = start(&with(", protocol: http2", server().await)).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    super::until(&gateway, |health| {
        health[0] == loom_gateway::EndpointHealth::Healthy
    })
    .await;
    connection.send("GET / HTTP/1.0\r\nhost: a\r\n\r\n").await;
    assert!(connection.rest().await.starts_with("HTTP/1.0 200 "));

    let gateway = start(&with("", server().await)).await;
    super::until(&gateway, |health| {
        health[0] != loom_gateway::EndpointHealth::Healthy
    })
    .await;
}
