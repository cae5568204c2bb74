//! Endpoints that are asked by gRPC's health protocol.

use std::net::SocketAddr;

use bytes::Bytes;
use grpc_greeter::{GREETER, Health, ServingStatus};
use http::Request;
use http_body_util::Empty;
use loom_gateway::EndpointHealth::{Healthy, Unhealthy};
use loom_gateway::{Running, UpstreamStatus};
use tokio::net::TcpListener;

use super::super::admin::{ADMIN, admin, json};
use super::super::support::{address, http2, start, within};
use super::super::tls::support::{self as tls, folder};
use super::{Server, to, until};
use crate::certificates::Authority;
use crate::gateway::keys::shows;
use crate::grpc_server::GrpcServer;
use crate::speaker::Speaker;
use crate::tls_server;

shows! {
    ["upstreams[].health_check.grpc"]: "service", "authority" => the_call_is_one_of_grpc;
}

const AT_ONCE: &str = "interval: 100ms, healthy_threshold: 1, unhealthy_threshold: 1";

/// An upstream of this server, which is asked with these keys.
fn asked(server: SocketAddr, keys: &str) -> String {
    to(&format!(
        "endpoints: '{server}', protocol: http2, health_check: {{grpc: {{{keys}}}, {AT_ONCE}}}"
    ))
}

/// Why the only endpoint is not well, once it is not.
async fn why(gateway: &Running) -> String {
    until(gateway, |health| health != [Healthy]).await;
    match &gateway.upstreams()[0].endpoints[0].health {
        Unhealthy(why) => why.clone(),
        other => panic!("{other:?}"),
    }
}

/// The upstream, once this is so.
async fn once(gateway: &Running, is_so: impl Fn(&UpstreamStatus) -> bool) -> UpstreamStatus {
    within(async {
        loop {
            let status = gateway.upstreams().remove(0);
            if is_so(&status) {
                return status;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// A server of tonic that says this of its health.
async fn greeter(health: &Health) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(grpc_greeter::serve(listener, health.clone()));
    address
}

#[tokio::test]
async fn a_server_says_whether_a_service_serves() {
    let health = Health::default();
    health.set(GREETER, ServingStatus::Serving);
    let server = greeter(&health).await;
    let gateway = start(&asked(server, "service: example.Greeter")).await;
    once(&gateway, |status| status.checks_passed > 0).await;
    for (status, word) in [
        (ServingStatus::NotServing, "NOT_SERVING"),
        (ServingStatus::Unknown, "UNKNOWN"),
        (ServingStatus::ServiceUnknown, "SERVICE_UNKNOWN"),
    ] {
        health.set(GREETER, status);
        assert_eq!(why(&gateway).await, format!("answered {word}"));
        health.set(GREETER, ServingStatus::Serving);
        until(&gateway, |health| health == [Healthy]).await;
    }
}

#[tokio::test]
async fn without_a_service_the_whole_server_is_asked_about() {
    let health = Health::default();
    health.set(GREETER, ServingStatus::Serving);
    let server = greeter(&health).await;
    let gateway = start(&asked(server, "")).await;
    assert_eq!(
        why(&gateway).await,
        "answered grpc-status 5 (NOT_FOUND): unknown service"
    );
    health.set("", ServingStatus::Serving);
    until(&gateway, |health| health == [Healthy]).await;
}

#[tokio::test]
async fn a_server_that_is_not_well_gets_no_calls() {
    let (one, other) = (GrpcServer::start().await, GrpcServer::start().await);
    let health = Health::default();
    let third = greeter(&health).await;
    let gateway = start(&to(&format!(
        "endpoints: ['{}', '{}', '{third}'], protocol: http2, health_check: {{grpc: {{service: Serving}}, {AT_ONCE}}}",
        one.address, other.address
    )))
    .await;
    until(&gateway, |health| {
        matches!(health, [Healthy, Healthy, Unhealthy(_)])
    })
    .await;
    let mut client = http2(address(&gateway)).await;
    for _ in 0..9 {
        let request = Request::post("http://a/test.Test/Empty");
        let request = request.header("content-type", "application/grpc");
        let request = request.body(Empty::<Bytes>::new()).expect("a request");
        let response = within(client.send_request(request)).await;
        let headers = response.expect("a response").headers().clone();
        // Only those two have it.
        assert_eq!(headers["x-meta"], "one");
    }
}

#[tokio::test]
async fn a_server_without_the_protocol() {
    let (_speaker, server) = Speaker::start().await;
    let gateway = start(&asked(server, "")).await;
    assert_eq!(
        why(&gateway).await,
        "answered grpc-status 12 (UNIMPLEMENTED)"
    );
}

#[tokio::test]
async fn answers_that_say_nothing_good() {
    let server = GrpcServer::start().await;
    for (service, expected) in [
        ("Fail", "answered grpc-status 7 (PERMISSION_DENIED): nö %"),
        ("FailAfter", "answered grpc-status 5 (NOT_FOUND): gone"),
        ("OddStatus", "answered grpc-status 17"),
        ("Http404", "answered 404, and not in gRPC"),
        (
            "Http503WithStatus",
            "answered grpc-status 9 (FAILED_PRECONDITION): q",
        ),
        ("Compressed", "answered with a compressed message"),
        ("NoTrailers", "answered with no trailers"),
        ("NoStatus", "answered with trailers without grpc-status"),
        ("Partial", "answered with half a message"),
        ("Empty", "answered with no message"),
        ("EmptyMessage", "answered UNKNOWN"),
        ("Two", "answered with more than a message"),
        ("EndAfter", "answered with a message of another kind"),
        ("Largest", "answered with a message that is too large"),
    ] {
        let gateway = start(&asked(server.address, &format!("service: {service}"))).await;
        assert_eq!(why(&gateway).await, expected, "{service}");
    }
}

#[tokio::test]
async fn answers_that_break_off_or_never_end() {
    let server = GrpcServer::start().await;
    for (service, expected) in [
        ("ResetAtMessage", "the answer broke off: "),
        ("ResetEarly", "the exchange failed: "),
        ("Silent", "no answer within 2s"),
        ("SilentWithoutHead", "no answer within 2s"),
    ] {
        let gateway = start(&asked(server.address, &format!("service: {service}"))).await;
        let why = why(&gateway).await;
        assert!(why.starts_with(expected), "{service}: {why}");
    }
    // What was given up is let go.
    within(async {
        while server.silences() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_of_http1() {
    let server = Server::start("a").await;
    let gateway = start(&asked(server.address, "")).await;
    let why = why(&gateway).await;
    assert!(why.starts_with("the exchange failed: "), "{why}");
}

#[tokio::test]
async fn the_call_is_one_of_grpc() {
    let server = GrpcServer::start().await;
    let admin_yaml = asked(server.address, "service: Serving");
    let gateway = start(&format!("{ADMIN}{admin_yaml}")).await;
    once(&gateway, |status| status.checks_passed > 0).await;
    let head = server.head();
    assert_eq!(head.method, "POST");
    let target = format!("http://{}/grpc.health.v1.Health/Check", server.address);
    assert_eq!(head.uri, *target);
    assert_eq!(head.headers["content-type"], "application/grpc");
    assert_eq!(head.headers["te"], "trailers");
    let agent = head.headers["user-agent"].to_str().expect("text");
    assert!(agent.ends_with(" health-check"), "{agent}");
    let upstreams = json(admin(&gateway), "/upstreams").await;
    assert_eq!(
        upstreams["upstreams"][0]["endpoints"][0]["health"],
        "healthy"
    );

    let keys = "service: Fail, authority: greeter.internal";
    let gateway = start(&format!("{ADMIN}{}", asked(server.address, keys))).await;
    why(&gateway).await;
    let authority = server.head().uri.authority().cloned();
    assert_eq!(authority.expect("one"), "greeter.internal");
    let upstreams = json(admin(&gateway), "/upstreams").await;
    assert_eq!(
        upstreams["upstreams"][0]["endpoints"][0]["why"],
        "answered grpc-status 7 (PERMISSION_DENIED): nö %"
    );
}

#[tokio::test]
async fn a_server_that_calls_have_filled_is_asked_all_the_same() {
    let server = GrpcServer::with_streams(1).await;
    let gateway = start(&asked(server.address, "service: Serving")).await;
    let mut client = http2(address(&gateway)).await;
    let request = Request::post("http://a/test.Test/Silent");
    let request = request.header("content-type", "application/grpc");
    let request = request.body(Empty::<Bytes>::new()).expect("a request");
    let _call = within(client.send_request(request))
        .await
        .expect("it begins");
    let before = once(&gateway, |_| server.silences() == 1).await;
    let after = |status: &UpstreamStatus| status.checks_passed > before.checks_passed + 1;
    let status = once(&gateway, after).await;
    assert_eq!(status.checks_failed, 0);
    assert_eq!(server.silences(), 1);
}

#[tokio::test]
async fn over_tls() {
    let authority = Authority::new();
    let folder = folder(&authority);
    for (protocols, is_well) in [(&["h2"][..], true), (&["http/1.1"], false)] {
        let server = tls_server::Server {
            identity: authority.identity("localhost"),
            protocols,
            clients: None,
        };
        let port = server.start().await.port();
        let upstream = to(&format!(
            "endpoints: 'localhost:{port}', protocol: http2, tls: {{ca_file: ca.pem}}, health_check: {{grpc: {{}}, {AT_ONCE}}}"
        ));
        let yaml = format!("listeners: ['127.0.0.1:0']\n{upstream}");
        let gateway = tls::start(folder.path(), &yaml).await;
        if is_well {
            let status = once(&gateway, |status| status.checks_passed > 1).await;
            assert_eq!(status.checks_failed, 0);
        } else {
            let why = why(&gateway).await;
            let refused = "cannot connect: no TLS with localhost: ";
            assert!(why.starts_with(refused), "{why}");
        }
    }
}
